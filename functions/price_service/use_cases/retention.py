"""Retention: what is too old goes, some rows at a time, and months of candles as a whole."""

from goldalert.db.unit_of_work import UnitOfWork
from price_service.config import HOURS_KEPT, ROWS_REMOVED, TICKS_KEPT
from price_service.use_cases.ports import Prices


def remove_old_rows(unit_of_work: UnitOfWork[Prices]) -> int:
    """Remove what is too old; return how many rows of each table together were removed.

    Age is counted from the newest tick, which is never removed: sequences go on from it, and a
    replay brings times of its own.
    """
    with unit_of_work.begin() as tx:
        last = tx.repository.last_tick()
        removed = 0
        if last is not None:
            removed = tx.repository.remove_old_rows(
                before=last.tick.slot - TICKS_KEPT,
                hours_before=last.tick.slot - HOURS_KEPT,
                limit=ROWS_REMOVED,
            )
    # on its own: when it cannot get its locks, the rows are gone all the same
    with unit_of_work.begin() as tx:
        tx.repository.keep_candle_partitions(TICKS_KEPT)
    return removed
