"""What ticks do to alerts: the engine.

Ticks are stored as they come and applied to each series in the order of their sequence. A tick
that crosses armed levels is made pending first, so that alerts set from then on are compared with
it; then its levels are claimed in chunks, each a transaction that deletes them, writes the history
and stores the events; and the price moves on once none is left, seen with the row of the series
locked. One worker at a time does this, under a lease. Killed anywhere, the next finds the tick
still to be applied and the levels that are left: with the next message, or by the schedule.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from alert_service.config import CHUNK_ROWS
from alert_service.domain import Alert, Crossing, Series, StoredTick, crossings, values_of
from alert_service.errors import InvalidTickError, SeriesBusyError
from alert_service.use_cases.triggers import History, record_triggers
from goldalert.clock import Clock
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.events.catalogue import AnyEvent
from goldalert.events.prices import PriceUpdatedV1
from goldalert.ids import new_id
from goldalert.messaging.consumer import OutOfTimeError
from goldalert.messaging.inbox import first_time
from goldalert.observability.log import logger

CONSUMER = "alert_service.on_price_updated"

HasTime = Callable[[], bool]
"""Says whether enough of the function's time is left to begin another transaction."""


class Ticks(History, Protocol):
    """What the engine needs of the database."""

    def add_tick(self, tick: StoredTick) -> UUID: ...
    def add_series(self, names: Sequence[str]) -> None: ...
    def series_behind(self) -> Sequence[str]: ...
    def lock_series(self, name: str, worker: UUID) -> Series | None: ...
    def save_series(self, series: Series, *, lease_to: UUID | None) -> None: ...
    def share_lease(self, name: str, worker: UUID) -> bool: ...
    def release_lease(self, name: str, worker: UUID) -> None: ...
    def tick(self, sequence: int) -> StoredTick | None: ...
    def overdue_tick(self, missing: int) -> int | None: ...
    def add_skipped_ticks(self, series: str, first: int, last: int) -> None: ...
    def any_crossed(self, series: str, crossing: Crossing, sequence: int) -> bool: ...
    def claim(
        self, series: str, crossing: Crossing, tick: StoredTick, *, now: datetime, limit: int
    ) -> Sequence[Alert]: ...


def on_price_updated(
    unit_of_work: UnitOfWork[Ticks], clock: Clock, event: AnyEvent, has_time: HasTime
) -> None:
    """Store a tick, once, and apply what is due. It returns only when nothing is left to apply.

    A repetition applies what is due, too: the first delivery may have died in between.

    Raises:
        InvalidTickError: the tick cannot be applied, now or ever.
        SeriesBusyError: another worker is at a series.
        OutOfTimeError: the function's time is over; what is done is done.
    """
    if not isinstance(event, PriceUpdatedV1):
        raise InvalidTickError(f"{event.event_type} is not for this queue")
    with unit_of_work.begin() as tx:
        if first_time(tx.connection, event.event_id, CONSUMER):
            _store(tx.repository, event)
    apply_due_ticks(unit_of_work, clock, has_time)


def apply_due_ticks(unit_of_work: UnitOfWork[Ticks], clock: Clock, has_time: HasTime) -> None:
    """Apply the stored ticks that are due. It returns only when nothing is left to apply.

    Raises:
        SeriesBusyError, OutOfTimeError: as above.
    """
    with unit_of_work.begin() as tx:
        behind = tx.repository.series_behind()
    for name in behind:
        _bring_up(unit_of_work, clock, name, has_time)


def _store(ticks: Ticks, event: PriceUpdatedV1) -> None:
    data = event.data
    try:
        values = values_of(data.prices)
    except ValueError as error:
        raise InvalidTickError(str(error)) from error
    stored_id = ticks.add_tick(StoredTick(data.tick, values, event.correlation_id))
    if stored_id != data.tick.tick_id:
        raise InvalidTickError(f"sequence {data.tick.sequence} is taken by tick {stored_id}")
    ticks.add_series(sorted(values))


def _bring_up(unit_of_work: UnitOfWork[Ticks], clock: Clock, name: str, has_time: HasTime) -> None:
    """Apply to a series all ticks that are due."""
    worker = new_id()
    try:
        while has_time():
            with unit_of_work.begin() as tx:
                series = tx.repository.lock_series(name, worker)
                if series is None:
                    raise SeriesBusyError(name)
                series, pending = _advance(tx.repository, series, has_time)
                tx.repository.save_series(series, lease_to=worker if pending else None)
            if pending is not None:
                _claim(unit_of_work, clock, series, pending, worker, has_time)
            elif has_time():
                return
        raise OutOfTimeError
    except Exception:
        with unit_of_work.begin() as tx:
            tx.repository.release_lease(name, worker)
        raise


def _advance(ticks: Ticks, series: Series, has_time: HasTime) -> tuple[Series, StoredTick | None]:
    """Move a locked series over the ticks that are due, up to one that crosses armed levels.

    Return the series as it is then, and that tick. The lock keeps everyone from arming a level, so
    that none is missed between the look and the move.
    """
    while has_time():
        tick = ticks.tick(series.next_sequence)
        if tick is None:
            waiting = ticks.overdue_tick(series.next_sequence)
            if waiting is None:
                break
            series = _skip_to(ticks, series, waiting)
        elif (price := tick.move_of(series.name)) is None:
            series = series.passed(tick.sequence)
        elif any(
            ticks.any_crossed(series.name, crossing, tick.sequence)
            for crossing in crossings(series.price, price)
        ):
            return series.moving(price), tick
        else:
            series = series.moved(price)
    return series, None


def _skip_to(ticks: Ticks, series: Series, sequence: int) -> Series:
    """Give up the missing ticks before one that has waited for them long enough."""
    ticks.add_skipped_ticks(series.name, series.next_sequence, sequence - 1)
    logger.error(
        "missing ticks are skipped",
        extra={"series": series.name, "first": series.next_sequence, "last": sequence - 1},
    )
    return series.passed(sequence - 1)


def _claim(
    unit_of_work: UnitOfWork[Ticks],
    clock: Clock,
    series: Series,
    tick: StoredTick,
    worker: UUID,
    has_time: HasTime,
) -> None:
    """Fire, in chunks, the alerts whose levels the series crosses on its way to the pending price.

    It may leave some, those that a user is changing just now; whoever advances looks again.
    """
    price = tick.values[series.name]
    for crossing in crossings(series.price, price):
        claimed = CHUNK_ROWS
        while claimed == CHUNK_ROWS and has_time():
            with unit_of_work.begin() as tx:
                if not tx.repository.share_lease(series.name, worker):
                    raise SeriesBusyError(series.name)
                now = clock.now()
                alerts = tx.repository.claim(series.name, crossing, tick, now=now, limit=CHUNK_ROWS)
                tx.publish(
                    *record_triggers(
                        tx.repository,
                        [alert for alert in alerts if alert.state == "triggered"],
                        tick=tick,
                        before=series.price,
                        after=price,
                        now=now,
                        correlation_id=tick.correlation_id,
                    )
                )
            claimed = len(alerts)
