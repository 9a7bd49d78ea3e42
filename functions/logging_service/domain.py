"""What the log says of an event: never an address, a name, a note or any other personal data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from goldalert.events.alerts import AlertTriggeredV1, Trigger
from goldalert.events.catalogue import AnyEvent, UnknownEventError
from goldalert.events.emails import EmailFailedV1, EmailSentV1
from goldalert.events.prices import PriceUpdatedV1, TickState
from goldalert.money import format_decimal

Level = Literal["debug", "info", "warning", "error", "fatal"]

_USUAL_STATES: frozenset[TickState] = frozenset({"fresh", "reduced", "closed"})


@dataclass(frozen=True)
class LogFilter:
    """What is looked for; None stands for everything.

    Attributes:
        words: words that the message must have.
        from_time: the earliest time.
        to_time: the first time that is too late.
    """

    service: str | None = None
    level: Level | None = None
    words: str | None = None
    correlation_id: str | None = None
    from_time: datetime | None = None
    to_time: datetime | None = None


@dataclass(frozen=True)
class LogEntry:
    """One line of the log.

    Attributes:
        service: the one that the line tells of.
        user_id: whom it is about; None for nobody. No search shows it: it is there for the user's
            export and erasure.
        data: details, by names that people can read; nothing in them names a person.
    """

    service: str
    level: Level
    message: str
    event_type: str
    correlation_id: str
    timestamp: datetime
    user_id: UUID | None
    data: Mapping[str, object]


def describe(event: AnyEvent) -> list[LogEntry]:
    """Return the log's entries for an event: one, or one for each user that it is about.

    Raises:
        UnknownEventError: the log has no words for this type of event.
    """
    match event:
        case PriceUpdatedV1(data=price):
            tick = price.tick
            return [
                _entry(
                    event,
                    None,
                    f"price updated: tick {tick.sequence} is {tick.state}",
                    {
                        "tick_id": str(tick.tick_id),
                        "sequence": tick.sequence,
                        "slot": tick.slot.isoformat(),
                        "state": tick.state,
                        "origin": tick.origin,
                        "sources": tick.sources,
                        "agreeing": tick.agreeing,
                        "prices": {code: format_decimal(p) for code, p in price.prices.items()},
                    },
                    level="info" if tick.state in _USUAL_STATES else "warning",
                )
            ]
        case AlertTriggeredV1(data=triggered):
            by_user: dict[UUID, list[Trigger]] = {}
            for trigger in triggered.triggers:
                by_user.setdefault(trigger.user_id, []).append(trigger)
            return [
                _entry(
                    event,
                    user_id,
                    f"alerts triggered: {len(triggers)} at tick {triggered.tick.sequence}",
                    {
                        "tick_id": str(triggered.tick.tick_id),
                        "sequence": triggered.tick.sequence,
                        "trigger_ids": [str(trigger.trigger_id) for trigger in triggers],
                        "alert_ids": [str(trigger.alert_id) for trigger in triggers],
                    },
                )
                for user_id, triggers in by_user.items()
            ]
        case EmailSentV1(data=sent):
            data = {"mail_id": str(sent.mail_id), "kind": sent.kind}
            return [_entry(event, sent.user_id, f"email sent: {sent.kind}", data)]
        case EmailFailedV1(data=failed):
            words = f"email failed: {failed.kind}, {failed.reason}"
            data = {"mail_id": str(failed.mail_id), "kind": failed.kind, "reason": failed.reason}
            return [_entry(event, failed.user_id, words, data, level="warning")]
        case _:
            raise UnknownEventError(event.event_type)


def _entry(
    event: AnyEvent,
    user_id: UUID | None,
    message: str,
    data: Mapping[str, object],
    *,
    level: Level = "info",
) -> LogEntry:
    return LogEntry(
        service=event.producer,
        level=level,
        message=message,
        event_type=event.event_type,
        correlation_id=event.correlation_id,
        timestamp=event.occurred_at,
        user_id=user_id,
        data=data,
    )
