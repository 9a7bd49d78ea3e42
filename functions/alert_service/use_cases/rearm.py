"""What time does to alerts: the ends of snoozes, cooldowns and lives."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from typing import Protocol
from uuid import UUID

from alert_service.config import CHUNK_ROWS, GAP_DEADLINE, HasTime
from alert_service.domain.lifecycle import Alert, Step, on_due
from alert_service.domain.series import Place, Series, SeriesName
from alert_service.use_cases.active_alerts import forget_active_alerts
from alert_service.use_cases.arming import Levels, take_steps
from goldalert.cache.cache_aside import Cache
from goldalert.clock import Clock
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.ids import new_id
from goldalert.observability.log import current_correlation_id


class DueAlerts(Levels, Protocol):
    """What these use cases need of the database."""

    def series_behind(self, worker: UUID) -> list[Place]: ...
    def due_alerts(self, at: datetime, *, limit: int) -> list[Alert]: ...
    def lock_due_alerts(self, alert_ids: Sequence[UUID], at: datetime) -> list[Alert]: ...
    def share_all_series(self, names: Collection[SeriesName]) -> dict[SeriesName, Series]: ...
    def expire_alerts(self, until: datetime, *, limit: int) -> list[UUID]: ...
    def remove_idle_series(self) -> None: ...
    def join_peaks(self, *, limit: int) -> None: ...


def rearm_by_clock(
    unit_of_work: UnitOfWork[DueAlerts], cache: Cache, clock: Clock, has_time: HasTime
) -> None:
    """Go on with the alerts whose snooze or cooldown is over by now, if all ticks are applied.

    A tick that is left, or waits for a missing one, does it by its slot instead: an alert that is
    armed before it would be fired by it, within its snooze or cooldown.
    """
    with unit_of_work.begin() as tx:
        if tx.repository.series_behind(new_id()):
            return
    rearm_due_alerts(unit_of_work, cache, clock, has_time, at=clock.now())


def rearm_due_alerts(
    unit_of_work: UnitOfWork[DueAlerts],
    cache: Cache,
    clock: Clock,
    has_time: HasTime,
    *,
    at: datetime,
) -> None:
    """Go on with the alerts whose snooze or cooldown is over at a time, while there is time."""
    seen = CHUNK_ROWS
    while seen == CHUNK_ROWS and has_time():
        with unit_of_work.begin() as tx:
            due = tx.repository.due_alerts(at, limit=CHUNK_ROWS)
            # series are locked before alerts, and must be known for that
            shared = tx.repository.share_all_series([alert.series for alert in due])
            alerts = tx.repository.lock_due_alerts([alert.id for alert in due], at)
            steps = defaultdict[Series, list[tuple[Alert, Step]]](list)
            for alert in alerts:
                series = shared[alert.series]
                steps[series].append(
                    (alert, on_due(alert.rule, alert.state, series.current_value, at))
                )
            for series, of_series in steps.items():
                take_steps(
                    tx,
                    of_series,
                    series,
                    now=clock.now(),
                    correlation_id=current_correlation_id(),
                )
            owners = [alert.user_id for alert in alerts]
            tx.after_commit(partial(forget_active_alerts, cache, owners, always=False))
        # not those that were locked: another worker may have gone on with all of them
        seen = len(due)


def expire_alerts(
    unit_of_work: UnitOfWork[DueAlerts], cache: Cache, clock: Clock, has_time: HasTime
) -> None:
    """Disarm the alerts whose time was over long enough ago that no tick from before it can come.

    Everyone is told that they are expired from the first moment on.
    """
    expired = CHUNK_ROWS
    while expired == CHUNK_ROWS and has_time():
        with unit_of_work.begin() as tx:
            owners = tx.repository.expire_alerts(clock.now() - GAP_DEADLINE, limit=CHUNK_ROWS)
            tx.after_commit(partial(forget_active_alerts, cache, owners, always=False))
        expired = len(owners)


def tidy_series(unit_of_work: UnitOfWork[DueAlerts]) -> None:
    """Keep few the series that each tick has to move."""
    with unit_of_work.begin() as tx:
        tx.repository.join_peaks(limit=CHUNK_ROWS)
    with unit_of_work.begin() as tx:
        tx.repository.remove_idle_series()
