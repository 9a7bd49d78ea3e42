"""What is done for alerts that fire, by a tick or at once: entries in the history, and events."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from alert_service.domain.lifecycle import Alert
from alert_service.domain.series import Reading, StoredTick
from alert_service.domain.triggers import make_trigger, pack
from goldalert.events.alerts import AlertTriggeredData, AlertTriggeredV1, Trigger
from goldalert.ids import new_id
from goldalert.messaging.outbox import MAX_EVENT_BYTES, WrittenEvent

PRODUCER = "alert_service"

_NO_TRIGGERS = "[]}}"
"""How an event without triggers ends: they are the last that it says."""


class Triggers(Protocol):
    """What recording needs of the database."""

    def add_triggers(
        self,
        fired: Sequence[tuple[Alert, Trigger]],
        *,
        tick_id: UUID,
        before: Reading | None,
        after: Reading,
        now: datetime,
    ) -> set[UUID]: ...


def record_triggers(
    repository: Triggers,
    fired: Sequence[Alert],
    *,
    tick: StoredTick,
    before: Reading | None,
    after: Reading,
    now: datetime,
) -> list[Trigger]:
    """Add alerts that fire to the history; return what is to be told of them.

    An alert that this tick has triggered before is left out: it triggers once per tick (R6).
    """
    triggers = [make_trigger(alert, new_id(), tick, before, after) for alert in fired]
    added = repository.add_triggers(
        list(zip(fired, triggers, strict=True)),
        tick_id=tick.tick.tick_id,
        before=before,
        after=after,
        now=now,
    )
    return [trigger for trigger in triggers if trigger.trigger_id in added]


def as_json(triggers: Iterable[Trigger]) -> list[str]:
    return [trigger.model_dump_json(exclude_none=True) for trigger in triggers]


def make_events(
    triggers: Sequence[str], tick: StoredTick, *, now: datetime, correlation_id: str
) -> list[WrittenEvent]:
    """Return the events that tell of triggers of a tick, which are given as JSON.

    A tick may trigger many thousands of alerts. They are written once, and never read on the way.
    """
    events = []
    room = MAX_EVENT_BYTES - len(_event_of(tick, now, correlation_id).to_message().encode())
    for packed in pack(triggers, room):
        event = _event_of(tick, now, correlation_id)
        head = event.to_message().removesuffix(_NO_TRIGGERS)
        events.append(WrittenEvent(event, f"{head}[{','.join(packed)}]}}}}"))
    return events


def _event_of(tick: StoredTick, now: datetime, correlation_id: str) -> AlertTriggeredV1:
    return AlertTriggeredV1(
        occurred_at=now,
        producer=PRODUCER,
        correlation_id=correlation_id,
        data=AlertTriggeredData(tick=tick.tick, triggers=[]),
    )
