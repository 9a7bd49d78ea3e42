from datetime import timedelta
from decimal import Decimal

import pytest

from price_service.domain.agreement import accept
from price_service.domain.standing import (
    is_due,
    missed_slots,
    missed_slots_since,
    next_slot,
    percent_change,
    slots_left_out,
    state_now,
)
from tests.support.market_day import NOON, SLOT, day

[TICK] = day({"swissquote": "4390", "a": "4390", "b": "4390"})


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (timedelta(0), False),
        (timedelta(seconds=149), False),
        (timedelta(seconds=150), True),
        (SLOT, True),
        (-SLOT, False),
    ],
)
def test_a_slot_is_a_new_one_from_half_a_slot_after_the_last(after, expected) -> None:
    """R2."""
    assert is_due(NOON + after, [TICK], SLOT) is expected


def test_the_first_slot_is_a_new_one() -> None:
    assert is_due(NOON, [], SLOT)


@pytest.mark.parametrize(
    ("later", "missed"),
    [
        (timedelta(0), 0),
        (-SLOT, 0),
        (SLOT, 0),
        (2 * SLOT - timedelta(seconds=1), 0),
        (2 * SLOT, 1),
        (4 * SLOT, 3),
    ],
)
def test_a_slot_is_missed_when_it_is_over_without_a_tick(later, missed) -> None:
    """R3."""
    assert missed_slots(NOON, NOON + later, SLOT) == missed


@pytest.mark.parametrize(
    ("minutes", "left_out"),
    [
        ([], 0),
        ([0], 0),
        ([0, 5, 10], 0),
        ([0, 5, 20, 25, 35], 3),
        ([0, 5.2, 9.9], 0),
        ([0, 9.9], 1),
        ([0, 2.5, 5], 0),
    ],
)
def test_slots_are_left_out_where_ticks_are_farther_apart_than_they_should(
    minutes, left_out
) -> None:
    """R3."""
    slots = [NOON + timedelta(minutes=minute) for minute in minutes]

    assert slots_left_out(slots, SLOT) == left_out


@pytest.mark.parametrize(
    ("hours_ago", "missed"),
    [
        ([30, 2], 263 + 23),  # an outage that began before the day: 22 hours, and then two
        ([72], 287),  # the slot of now is not over
        ([2], 23),
        ([], 0),
        ([24, 0], 287),
        ([23.5, 23.25], 2 + 278),
    ],
)
def test_slots_are_missed_in_the_last_day_whenever_their_outage_began(hours_ago, missed) -> None:
    """R3."""
    now, day = NOON, timedelta(days=1)
    slots = [now - timedelta(hours=hours) for hours in hours_ago]
    before = [slot for slot in slots if slot <= now - day]
    last = before[-1] if before else None
    since = [slot for slot in slots if slot >= now - day]

    assert missed_slots_since(now - day, last, since, now, SLOT) == missed


@pytest.mark.parametrize(
    ("later", "due"),
    [
        (-timedelta(seconds=1), SLOT),
        (timedelta(0), SLOT),
        (SLOT - timedelta(seconds=1), SLOT),
        (SLOT, 2 * SLOT),
        (3.5 * SLOT, 4 * SLOT),
    ],
)
def test_the_next_slot_is_in_step_with_the_last(later, due) -> None:
    assert next_slot(TICK, NOON + later, SLOT) == NOON + due


def test_a_price_is_stale_after_three_slots_without_a_tick() -> None:
    """R3."""
    assert state_now(TICK, NOON + 3 * SLOT, SLOT) == "fresh"
    assert state_now(TICK, NOON + 3 * SLOT + timedelta(seconds=1), SLOT) == "stale"


def test_a_simulated_price_gets_stale_too_but_a_replayed_one_has_times_of_its_own() -> None:
    later = NOON + timedelta(days=1)

    assert state_now(accept(NOON, Decimal(4390), "simulator"), later, SLOT) == "stale"
    assert state_now(accept(NOON, Decimal(4390), "replay"), later, SLOT) == "fresh"


@pytest.mark.parametrize(
    ("old", "new", "percent"), [("4300", "4386", "2.00"), ("4386", "4300", "-1.96")]
)
def test_a_change_is_in_percent_of_the_older_price(old, new, percent) -> None:
    assert str(percent_change(Decimal(old), Decimal(new))) == percent
