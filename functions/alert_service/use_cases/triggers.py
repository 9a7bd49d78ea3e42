"""What is done for alerts that fire, by a tick or at once: entries in the history, and events."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from alert_service.domain.lifecycle import Alert
from alert_service.domain.series import Reading, StoredTick
from alert_service.domain.triggers import make_trigger, pack
from goldalert.events.alerts import AlertTriggeredData, AlertTriggeredV1, Trigger
from goldalert.ids import new_id
from goldalert.messaging.outbox import MAX_EVENT_BYTES

PRODUCER = "alert_service"


class History(Protocol):
    """The history of triggers."""

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
    history: History,
    fired: Sequence[Alert],
    *,
    tick: StoredTick,
    before: Reading | None,
    after: Reading,
    now: datetime,
    correlation_id: str,
) -> list[AlertTriggeredV1]:
    """Add alerts that fire to the history; return the events for the same transaction.

    An alert that this tick has triggered before is left out: it triggers once per tick (R6).
    """
    triggers = [make_trigger(alert, new_id(), tick, before, after) for alert in fired]
    added = history.add_triggers(
        list(zip(fired, triggers, strict=True)),
        tick_id=tick.tick.tick_id,
        before=before,
        after=after,
        now=now,
    )

    def event(packed: list[Trigger]) -> AlertTriggeredV1:
        return AlertTriggeredV1(
            occurred_at=now,
            producer=PRODUCER,
            correlation_id=correlation_id,
            data=AlertTriggeredData(tick=tick.tick, triggers=packed),
        )

    room = MAX_EVENT_BYTES - len(event([]).to_message().encode())
    new = [trigger for trigger in triggers if trigger.trigger_id in added]
    return [event(packed) for packed in pack(new, room)]
