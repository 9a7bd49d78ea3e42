"""What the log says of an event: never an address, a name, a note or any other personal data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from goldalert.events.alerts import AlertTriggeredV1
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
    """One line of the log. `service` is the one that it tells of."""

    service: str
    level: Level
    message: str
    event_type: str
    correlation_id: str
    timestamp: datetime
    data: Mapping[str, object] = field(default_factory=dict)


def describe(event: AnyEvent) -> LogEntry:
    """Return the log's entry for an event.

    Raises:
        UnknownEventError: the log has no words for this type of event.
    """
    level, message, data = _words(event)
    return LogEntry(
        service=event.producer,
        level=level,
        message=message,
        event_type=event.event_type,
        correlation_id=event.correlation_id,
        timestamp=event.occurred_at,
        data=data,
    )


def _words(event: AnyEvent) -> tuple[Level, str, dict[str, object]]:
    match event:
        case PriceUpdatedV1(data=price):
            tick = price.tick
            return (
                "info" if tick.state in _USUAL_STATES else "warning",
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
            )
        case AlertTriggeredV1(data=triggered):
            return (
                "info",
                f"alerts triggered: {len(triggered.triggers)} at tick {triggered.tick.sequence}",
                {
                    "tick_id": str(triggered.tick.tick_id),
                    "sequence": triggered.tick.sequence,
                    "trigger_ids": [str(trigger.trigger_id) for trigger in triggered.triggers],
                    "alert_ids": [str(trigger.alert_id) for trigger in triggered.triggers],
                },
            )
        case EmailSentV1(data=sent):
            return (
                "info",
                f"email sent: {sent.kind}",
                {"mail_id": str(sent.mail_id), "kind": sent.kind},
            )
        case EmailFailedV1(data=failed):
            return (
                "warning",
                f"email failed: {failed.kind}, {failed.reason}",
                {"mail_id": str(failed.mail_id), "kind": failed.kind, "reason": failed.reason},
            )
        case _:
            raise UnknownEventError(event.event_type)
