"""What a stored price is worth by now."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from goldalert.events.prices import TickState
from price_service.domain.model import Tick

STALE_AFTER_SLOTS = 3
_DAY_CHANGE_PLACES = Decimal("0.01")


def is_due(slot: datetime, history: Sequence[Tick], slot_length: timedelta) -> bool:
    """Say whether a slot is a new one: a schedule that fires twice may be some seconds apart.

    Args:
        history: the last ticks, newest first.
    """
    return not history or slot - history[0].slot >= slot_length / 2


def missed_slots(last: datetime, now: datetime, slot_length: timedelta) -> int:
    """Return how many slots since the one of the last tick are over without one."""
    return max(0, (now - last) // slot_length - 1)


def missed_slots_since(
    moment: datetime,
    before: datetime | None,
    slots: Sequence[datetime],
    now: datetime,
    slot_length: timedelta,
) -> int:
    """Return how many slots between a moment and now are over without a tick.

    Args:
        before: that of the last tick up to the moment.
        slots: those that have a tick since, oldest first.
    """
    if before is not None:
        # as if there had been one in each slot up to the moment
        slots = [before + (moment - before) // slot_length * slot_length, *slots]
    if not slots:
        return 0
    return slots_left_out(slots, slot_length) + missed_slots(slots[-1], now, slot_length)


def slots_left_out(slots: Sequence[datetime], slot_length: timedelta) -> int:
    """Return how many slots have no tick between those that have one; oldest first.

    A schedule that fires some seconds early or late leaves nothing out.
    """
    return sum(
        max(0, (later - earlier + slot_length / 2) // slot_length - 1)
        for earlier, later in pairwise(slots)
    )


def next_slot(last: Tick, now: datetime, slot_length: timedelta) -> datetime:
    """Return when the next tick is due, in step with the last one."""
    return last.slot + max(1, (now - last.slot) // slot_length + 1) * slot_length


def state_now(last: Tick, now: datetime, slot_length: timedelta) -> TickState:
    """Return the last tick's state, or `stale` when the ticks after it are missing.

    A replay brings times of its own, which say nothing about now.
    """
    if last.origin != "replay" and now - last.slot > STALE_AFTER_SLOTS * slot_length:
        return "stale"
    return last.state


def percent_change(old: Decimal, new: Decimal) -> Decimal:
    """Return by how many percent a price has changed, to two places."""
    return ((new - old) / old * 100).quantize(_DAY_CHANGE_PLACES)
