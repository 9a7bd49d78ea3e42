"""What a step of an alert's life does: its trigger, its levels, its state."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from alert_service.domain.lifecycle import ARMED, Alert, Step
from alert_service.domain.series import Kind, Series, SeriesName, StoredTick
from alert_service.use_cases.triggers import Triggers, record_triggers
from goldalert.db.unit_of_work import Transaction


class Levels(Triggers, Protocol):
    """What arming needs of the database."""

    def tick(self, sequence: int) -> StoredTick | None: ...
    def arm(
        self, armed: Sequence[tuple[Alert, Kind]], series: SeriesName, armed_after: int
    ) -> None: ...
    def save_states(self, alerts: Sequence[Alert]) -> None: ...


def take_steps(
    tx: Transaction[Levels],
    steps: Sequence[tuple[Alert, Step]],
    series: Series,
    *,
    now: datetime,
    correlation_id: str,
) -> None:
    """Do what stored alerts of one series do without a move of it.

    The series is shared, and no levels of the alerts are armed. An alert that the series' tick has
    triggered before is armed instead: its owner knows.
    """
    current = series.current
    told: set[UUID] = set()
    fired = [alert for alert, step in steps if step.fires]
    if fired and current is not None:
        tick = tx.repository.tick(current.sequence)
        if tick is None:
            raise LookupError(f"tick {current.sequence} of {series.name} is gone")
        told = record_triggers(
            tx,
            fired,
            tick=tick,
            before=None,
            after=current,
            now=now,
            correlation_id=correlation_id,
        )
    steps = [
        (alert, ARMED if step.fires and alert.id not in told else step) for alert, step in steps
    ]
    tx.repository.save_states([alert.after(step, now) for alert, step in steps])
    tx.repository.arm(
        [(alert, step.arm) for alert, step in steps if step.arm is not None],
        series.name,
        series.armed_after,
    )
