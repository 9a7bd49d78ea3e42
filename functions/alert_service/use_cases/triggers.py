"""What is done for alerts that fire, by a tick or at once: entries in the history, and events."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from alert_service.domain.lifecycle import Alert
from alert_service.domain.series import Reading, StoredTick
from alert_service.domain.triggers import make_trigger, pack
from goldalert.db.unit_of_work import Transaction
from goldalert.events.alerts import AlertTriggeredData, AlertTriggeredV1, Trigger
from goldalert.ids import new_id
from goldalert.messaging.outbox import MAX_EVENT_BYTES, WrittenEvent

PRODUCER = "alert_service"


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
    tx: Transaction[Triggers],
    fired: Sequence[Alert],
    *,
    tick: StoredTick,
    before: Reading | None,
    after: Reading,
    now: datetime,
    correlation_id: str,
) -> set[UUID]:
    """Add alerts that fire to the history, and tell of them; return their ids.

    An alert that this tick has triggered before is left out: it triggers once per tick (R6).
    """
    triggers = [make_trigger(alert, new_id(), tick, before, after) for alert in fired]
    added = tx.repository.add_triggers(
        list(zip(fired, triggers, strict=True)),
        tick_id=tick.tick.tick_id,
        before=before,
        after=after,
        now=now,
    )
    told = [trigger for trigger in triggers if trigger.trigger_id in added]
    messages = [trigger.model_dump_json(exclude_none=True) for trigger in told]
    tx.publish(*make_events(messages, tick, now=now, correlation_id=correlation_id))
    return {trigger.alert_id for trigger in told}


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
        message = event.to_message().replace('"triggers":[]', f'"triggers":[{",".join(packed)}]', 1)
        events.append(WrittenEvent(event, message))
    return events


def _event_of(tick: StoredTick, now: datetime, correlation_id: str) -> AlertTriggeredV1:
    return AlertTriggeredV1(
        occurred_at=now,
        producer=PRODUCER,
        correlation_id=correlation_id,
        data=AlertTriggeredData(tick=tick.tick, triggers=[]),
    )
