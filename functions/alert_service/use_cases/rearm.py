"""What time does to alerts: the ends of snoozes, cooldowns and lives."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from alert_service.config import CHUNK_ROWS, GAP_DEADLINE
from alert_service.domain.lifecycle import Alert, on_due
from alert_service.domain.series import Series, SeriesName
from alert_service.use_cases.active_alerts import forget_active_alerts
from alert_service.use_cases.arming import Levels, take_steps
from goldalert.cache.cache_aside import Cache
from goldalert.clock import Clock
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.observability.log import current_correlation_id


class Rests(Levels, Protocol):
    """What these use cases need of the database."""

    def due_alerts(self, at: datetime, *, limit: int) -> list[Alert]: ...
    def lock_due_alerts(self, alert_ids: Sequence[UUID], at: datetime) -> list[Alert]: ...
    def share_series(self, name: SeriesName) -> Series: ...
    def expire_alerts(self, until: datetime, *, limit: int) -> list[UUID]: ...
    def remove_idle_series(self) -> None: ...
    def join_peaks(self, *, limit: int) -> None: ...


def rearm_due_alerts(
    unit_of_work: UnitOfWork[Rests],
    cache: Cache,
    clock: Clock,
    has_time: Callable[[], bool],
    *,
    at: datetime,
) -> None:
    """Go on with the alerts whose snooze or cooldown is over at a time, while there is time.

    An alert that its owner is changing just then is left for the next time.
    """
    rested = CHUNK_ROWS
    while rested == CHUNK_ROWS and has_time():
        with unit_of_work.begin() as tx:
            due = tx.repository.due_alerts(at, limit=CHUNK_ROWS)
            # series are locked before alerts, and must be known for that
            shared = {
                name: tx.repository.share_series(name)
                for name in sorted({alert.series for alert in due}, key=str)
            }
            alerts = tx.repository.lock_due_alerts([alert.id for alert in due], at)
            for name, series in shared.items():
                take_steps(
                    tx,
                    [
                        (alert, on_due(alert.rule, alert.state, series.current_value, at))
                        for alert in alerts
                        if alert.series == name
                    ],
                    series,
                    now=clock.now(),
                    correlation_id=current_correlation_id(),
                )
        forget_active_alerts(cache, {alert.user_id for alert in alerts})
        rested = len(alerts)


def expire_alerts(
    unit_of_work: UnitOfWork[Rests], cache: Cache, clock: Clock, has_time: Callable[[], bool]
) -> None:
    """Disarm the alerts whose time was over long enough ago that no tick from before it can come.

    Everyone is told that they are expired from the first moment on.
    """
    expired = CHUNK_ROWS
    while expired == CHUNK_ROWS and has_time():
        with unit_of_work.begin() as tx:
            owners = tx.repository.expire_alerts(clock.now() - GAP_DEADLINE, limit=CHUNK_ROWS)
        forget_active_alerts(cache, set(owners))
        expired = len(owners)


def tidy_series(unit_of_work: UnitOfWork[Rests]) -> None:
    """Keep few the series that each tick has to move."""
    with unit_of_work.begin() as tx:
        tx.repository.join_peaks(limit=CHUNK_ROWS)
    with unit_of_work.begin() as tx:
        tx.repository.remove_idle_series()
