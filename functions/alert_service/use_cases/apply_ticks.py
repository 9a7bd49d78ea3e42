"""What ticks do to alerts: the engine.

Ticks are stored as they come and applied to all series in the order of their sequence. A series
that a tick moves over armed levels is made pending first, so that alerts set from then on are
compared with it; then its levels are claimed in chunks, each a transaction that deletes them,
writes the history and stores the events; and the series moves on once none is left, seen with its
row locked. One worker at a time does this for a series, under a lease. Killed anywhere, the next
finds the tick still to be applied and the levels that are left: with the next message, or by the
schedule.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Protocol
from uuid import UUID

from alert_service.config import CHUNK_ROWS, HasTime
from alert_service.domain.lifecycle import Claimed, on_claim
from alert_service.domain.rules import given
from alert_service.domain.series import (
    Crossing,
    Fired,
    Past,
    Reading,
    Series,
    SeriesName,
    StoredTick,
    checked_prices,
    crossings,
)
from alert_service.errors import InvalidTickError, SeriesBusyError
from alert_service.use_cases.active_alerts import forget_active_alerts
from alert_service.use_cases.rearm import DueAlerts, rearm_due_alerts
from alert_service.use_cases.triggers import make_events, record_triggers
from goldalert.cache.cache_aside import Cache
from goldalert.clock import Clock
from goldalert.db.unit_of_work import Transaction, UnitOfWork
from goldalert.events.catalogue import AnyEvent
from goldalert.events.prices import PriceUpdatedV1
from goldalert.ids import new_id
from goldalert.messaging.consumer import OutOfTimeError
from goldalert.messaging.inbox import first_time
from goldalert.observability.log import logger

CONSUMER = "alert_service.on_price_updated"


class Ticks(DueAlerts, Protocol):
    """What the engine needs of the database."""

    def add_tick(self, tick: StoredTick) -> UUID: ...
    def add_price_series(self, currencies: Sequence[str]) -> None: ...
    def overdue_tick(self, missing: int) -> int | None: ...
    def add_skipped_ticks(self, names: Sequence[SeriesName], first: int, last: int) -> None: ...
    def lock_series(self, applied_sequence: int, worker: UUID) -> list[Series]: ...
    def save_series(self, series: Sequence[Series], worker: UUID) -> None: ...
    def share_lease(self, name: SeriesName, worker: UUID) -> bool: ...
    def release_leases(self, worker: UUID) -> None: ...
    def past(self, slot: datetime, sequence: int, names: Sequence[SeriesName]) -> Past: ...
    def crossed(
        self, moves: Sequence[tuple[SeriesName, Crossing]], sequence: int
    ) -> set[SeriesName]: ...
    def fire_once(
        self,
        name: SeriesName,
        crossing: Crossing,
        tick: StoredTick,
        *,
        before: Reading | None,
        now: datetime,
        limit: int,
    ) -> Fired: ...
    def claim(
        self, name: SeriesName, crossing: Crossing, tick: StoredTick, *, limit: int
    ) -> list[Claimed]: ...


def on_price_updated(
    unit_of_work: UnitOfWork[Ticks], cache: Cache, clock: Clock, event: AnyEvent, has_time: HasTime
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
    apply_due_ticks(unit_of_work, cache, clock, has_time)


def _store(ticks: Ticks, event: PriceUpdatedV1) -> None:
    data = event.data
    try:
        prices = checked_prices(data.prices)
    except ValueError as error:
        raise InvalidTickError(str(error)) from error
    tick = StoredTick(data.tick, prices, event.correlation_id, data.rates)
    stored_id = ticks.add_tick(tick)
    if stored_id != data.tick.tick_id:
        raise InvalidTickError(f"sequence {data.tick.sequence} is taken by tick {stored_id}")
    ticks.add_price_series(sorted(prices))


def apply_due_ticks(
    unit_of_work: UnitOfWork[Ticks], cache: Cache, clock: Clock, has_time: HasTime
) -> None:
    """Apply the stored ticks that are due. It returns only when nothing is left to apply.

    Raises:
        SeriesBusyError, OutOfTimeError: as above.
    """
    worker = new_id()
    try:
        while has_time():
            with unit_of_work.begin() as tx:
                behind = tx.repository.series_behind(worker)
            has_advanced = is_busy = False
            # those that are the farthest behind catch up first: what is due by the slot of a
            # tick must not be armed on series that earlier ticks are still to be applied to
            for applied, is_free, tick, is_due in behind:
                is_busy |= not is_free
                if not is_free or (is_due and is_busy):
                    continue
                if tick is not None and is_due:
                    # before the tick
                    rearm_due_alerts(unit_of_work, cache, clock, has_time, at=tick.tick.slot)
                    if not has_time():
                        raise OutOfTimeError
                pending = _advance(unit_of_work, applied, tick, worker)
                for series in pending or ():
                    _claim(unit_of_work, cache, clock, series, given(tick), worker, has_time)
                if pending is not None:
                    has_advanced = True
                    break
            if not has_advanced:
                if is_busy:
                    raise SeriesBusyError
                return
        raise OutOfTimeError
    except Exception:
        with unit_of_work.begin() as tx:
            tx.repository.release_leases(worker)
        raise


def _advance(
    unit_of_work: UnitOfWork[Ticks], applied: int, tick: StoredTick | None, worker: UUID
) -> list[Series] | None:
    """Move the series at a place over their next tick, but those that cross armed levels.

    Return these, made pending; None when there is nothing to do but to wait for a missing tick.
    The locks keep everyone from arming a level, so that none is missed between look and move.
    """
    with unit_of_work.begin() as tx:
        ticks = tx.repository
        series = ticks.lock_series(applied, worker)
        if tick is None:
            waiting = ticks.overdue_tick(applied + 1)
            if waiting is None:
                return None
            _skip_to(ticks, series, waiting, worker)
            return []
        past = ticks.past(tick.tick.slot, tick.sequence, [one.name for one in series])
        reached = [(one, one.pending or one.read(tick, past)) for one in series]
        crossed = ticks.crossed(
            [
                (one.name, crossing)
                for one, to in reached
                if to is not None
                for crossing in crossings(one.value, to.value)
            ],
            tick.sequence,
        )
        pending = [one.moving(to) for one, to in reached if to is not None and one.name in crossed]
        moved = [
            one.passed(tick.sequence) if to is None else one.moved(to)
            for one, to in reached
            if one.name not in crossed
        ]
        ticks.save_series([*pending, *moved], worker)
        return pending


def _skip_to(ticks: Ticks, series: Sequence[Series], sequence: int, worker: UUID) -> None:
    """Give up the missing ticks before one that has waited for them long enough."""
    if not series:
        return
    first, last = series[0].next_sequence, sequence - 1
    names = [one.name for one in series]
    ticks.add_skipped_ticks(names, first, last)
    ticks.save_series([one.passed(last) for one in series], worker)
    logger.error(
        "missing ticks are skipped",
        extra={"series": [str(name) for name in names], "first": first, "last": last},
    )


def _claim(
    unit_of_work: UnitOfWork[Ticks],
    cache: Cache,
    clock: Clock,
    series: Series,
    tick: StoredTick,
    worker: UUID,
    has_time: HasTime,
) -> None:
    """Claim, in chunks, the alerts whose levels a series crosses on its way to its pending value.

    It may leave some, those that a user is changing just now; whoever advances looks again.
    """
    for crossing in crossings(series.value, given(series.pending).value):
        for claim_chunk in (_fire_chunk, _judge_chunk):
            left, claimed = crossing, CHUNK_ROWS
            while claimed == CHUNK_ROWS and has_time():
                with unit_of_work.begin() as tx:
                    if not tx.repository.share_lease(series.name, worker):
                        raise SeriesBusyError
                    owners, last = claim_chunk(tx, clock, series, left, tick)
                    tx.after_commit(partial(forget_active_alerts, cache, owners, always=False))
                claimed = len(owners)
                left = left if last is None else left.beginning_at(last)


def _fire_chunk(
    tx: Transaction[Ticks], clock: Clock, series: Series, crossing: Crossing, tick: StoredTick
) -> tuple[list[UUID], Decimal | None]:
    """Fire alerts that need no judging; return their owners, and the last level that was claimed.

    The database does it alone, for a price on which many thousands wait.
    """
    now = clock.now()
    fired = tx.repository.fire_once(
        series.name, crossing, tick, before=series.reading, now=now, limit=CHUNK_ROWS
    )
    tx.publish(*make_events(fired.triggers, tick, now=now, correlation_id=tick.correlation_id))
    return fired.owners, fired.last


def _judge_chunk(
    tx: Transaction[Ticks], clock: Clock, series: Series, crossing: Crossing, tick: StoredTick
) -> tuple[list[UUID], Decimal | None]:
    """Claim alerts and do what becomes of each; return as `_fire_chunk` does."""
    claimed = tx.repository.claim(series.name, crossing, tick, limit=CHUNK_ROWS)
    before, after = series.reading, given(series.pending)
    steps = [
        (one.alert, on_claim(one.alert.rule, one.kind, series.value, after.value, tick.tick.slot))
        for one in claimed
    ]
    now = clock.now()
    record_triggers(
        tx,
        [alert for alert, step in steps if step.fires],
        tick=tick,
        before=before,
        after=after,
        now=now,
        correlation_id=tick.correlation_id,
    )
    tx.repository.save_states([alert.after(step, now) for alert, step in steps])
    # on this series, to which alerts may have been moved whose peak was the same
    tx.repository.arm(
        [(alert, step.arm) for alert, step in steps if step.arm is not None],
        series.name,
        tick.sequence,
    )
    return [one.alert.user_id for one in claimed], claimed[-1].level if claimed else None
