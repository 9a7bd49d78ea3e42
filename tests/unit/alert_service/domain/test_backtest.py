"""What an alert would have done on ticks of the past, tick by tick."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from alert_service.domain.backtest import (
    Backtest,
    PastTick,
    earliest_firing,
    history_needed,
    simulate,
)
from alert_service.domain.rules import Rule
from alert_service.domain.series import Reading
from tests.support.alerts import NOON, SLOT, make_rule, rules

D = Decimal
NOTHING = Backtest([], 0, None, False, False, 0, 0)
EVERY = {"repeat": "every", "hysteresis_percent": "1"}


def make_ticks(*prices: float | None) -> list[PastTick]:
    """Return ticks from noon on, when the alerts of these tests are set; none for a None."""
    return [
        PastTick(number, NOON + number * SLOT, D(str(price)))
        for number, price in enumerate(prices)
        if price is not None
    ]


def run(rule: Rule, *prices: float | None, since: datetime = NOON) -> Backtest:
    return simulate(rule, make_ticks(*prices), since)


def fired_at(result: Backtest) -> list[int]:
    return [firing.tick.sequence for firing in result.firings]


def test_an_alert_fires_once_when_its_level_is_crossed() -> None:
    result = run(make_rule("above"), 99, 99.5, 100, 99, 101)
    assert fired_at(result) == [2]
    assert result.firings[0].before == Reading(D("99.5"), 1)
    assert result.firings[0].after == Reading(D(100), 2)
    assert (result.ticks, result.was_true) == (4, False)


def test_a_price_that_hovers_at_the_level_fires_once_until_it_has_left_it() -> None:
    result = run(make_rule("above", **EVERY), 98, 100, 99.5, 100.5, 99.1, 100, 99, 99.5, 100, 101)
    assert fired_at(result) == [1, 8]
    assert (result.suppressed_by_hysteresis, result.suppressed_by_cooldown) == (2, 0)


def test_without_a_hysteresis_every_crossing_fires() -> None:
    result = run(make_rule("above", repeat="every"), 98, 100, 99.5, 100.5, 99.1, 100)
    assert fired_at(result) == [1, 3, 5]
    assert result.suppressed_by_hysteresis == 0


def test_nothing_fires_during_a_cooldown_but_from_its_end_on() -> None:
    rule = make_rule("above", repeat="every", cooldown_minutes=15)
    result = run(rule, 99, 100, 99, 100, 100, 99, 100)
    # fired at 12:05; 12:15 is kept; over at 12:20 while the price is at the level; 12:30 fires
    assert fired_at(result) == [1, 6]
    assert (result.suppressed_by_hysteresis, result.suppressed_by_cooldown) == (0, 1)


def test_a_cooldown_that_ends_with_the_slot_of_a_tick_does_not_keep_that_tick() -> None:
    rule = make_rule("above", repeat="every", cooldown_minutes=10)
    assert fired_at(run(rule, 99, 100, 99, 100)) == [1, 3]
    result = run(replace(rule, cooldown_minutes=11), 99, 100, 99, 100)
    assert (fired_at(result), result.suppressed_by_cooldown) == ([1], 1)


def test_a_cooldown_that_is_over_waits_for_the_hysteresis() -> None:
    rule = make_rule("above", repeat="every", hysteresis_percent="1", cooldown_minutes=10)
    result = run(rule, 98, 100, 99.5, 99.5, 100, 98, 100)
    assert fired_at(result) == [1, 6]
    assert (result.suppressed_by_hysteresis, result.suppressed_by_cooldown) == (1, 0)


def test_a_crossing_within_the_hysteresis_is_kept() -> None:
    result = run(make_rule("crosses", **EVERY), 99, 100.5, 99.5, 101.5, 99)
    assert fired_at(result) == [1, 4]
    # back over the level, and over it again while leaving
    assert result.suppressed_by_hysteresis == 2


def test_a_jump_over_a_range_does_not_enter_it() -> None:
    result = run(make_rule("range_enter", repeat="every"), 99, 111, 105, 99, 111)
    assert fired_at(result) == [2]


def test_a_range_that_was_jumped_over_on_the_way_back_arms_nothing() -> None:
    result = run(make_rule("range_exit", **EVERY), 105, 111, 99, 105, 99)
    assert fired_at(result) == [1, 4]


# --- set ---------------------------------------------------------------------------------------


def test_a_condition_that_holds_at_the_begin_waits_unless_it_is_to_fire() -> None:
    for wish in ("wait", "reject"):
        result = run(make_rule("above", if_already_true=wish), 101, 102, 99, 100)
        assert (fired_at(result), result.was_true) == ([3], True)
    result = run(make_rule("above", if_already_true="fire"), 101, 102)
    assert (fired_at(result), result.was_true) == ([0], True)
    assert result.firings[0].before is None


def test_the_first_price_ever_crosses_nothing_but_fires_what_is_to_fire_at_once() -> None:
    before = NOON - timedelta(days=1)
    for wish, fired in [("wait", []), ("fire", [0])]:
        rule = make_rule("above", if_already_true=wish)
        assert fired_at(run(rule, 101, 102, since=before)) == fired


def test_an_alert_ends_with_its_expiry() -> None:
    rule = make_rule("above", expires_at=NOON + 2 * SLOT)
    assert fired_at(run(rule, 99, 99, 100)) == []
    assert fired_at(run(rule, 99, 100, 99)) == [1]


def test_no_ticks_say_nothing() -> None:
    assert run(make_rule("above")) == NOTHING
    assert run(make_rule("trailing")) == NOTHING


# --- derived series ----------------------------------------------------------------------------


def test_a_change_is_measured_against_ticks_from_before_the_begin() -> None:
    rule = make_rule("percent_change", threshold="2", window="1h")
    ticks = make_ticks(*[100] * 12, 101, 102, 103)
    since = NOON + 12 * SLOT
    result = simulate(rule, ticks, since)
    assert [firing.after for firing in result.firings] == [Reading(D(2), 13, D(100), 1)]
    assert history_needed(rule) == (timedelta(hours=1), 1)


def test_a_change_is_measured_against_the_last_tick_at_or_before_the_window() -> None:
    rule = make_rule("percent_change", threshold="2", window="1h")
    # after a closed market the last tick is older than the window
    old = PastTick(1, NOON - timedelta(days=2), D(100))
    late = [PastTick(2, NOON, D(101)), PastTick(3, NOON + SLOT, D(102))]
    assert fired_at(simulate(rule, [old, *late], NOON)) == [3]


def test_a_change_says_nothing_before_there_is_a_price_at_the_begin_of_its_window() -> None:
    rule = make_rule("percent_change", threshold="2", window="1h")
    result = run(rule, 100, *[None] * 5, 110, *[None] * 4, 110, 100, 110)
    # from 13:00 on: 100 against the 100 of 12:00, and 110 against it, too
    assert (fired_at(result), result.ticks) == ([13], 2)
    assert result.known_from == NOON + 12 * SLOT


def test_a_mean_says_nothing_before_it_has_all_its_ticks() -> None:
    result = run(make_rule("sma_cross", period=3), 100, 90, 100, 90)
    assert result.known_from == NOON + 2 * SLOT
    # the means are 96.7 and 93.3: from above to below
    assert fired_at(result) == [3]
    assert result.ticks == 2
    assert history_needed(make_rule("sma_cross", period=3)) == (timedelta(), 3)


def test_a_mean_needs_ticks_from_before_the_begin() -> None:
    result = run(make_rule("sma_cross", period=3), 100, 90, 100, 90, since=NOON + 2 * SLOT)
    assert (fired_at(result), result.ticks) == ([3], 1)
    assert result.known_from == NOON + 2 * SLOT


def test_a_peak_counts_from_the_price_that_held_at_the_begin() -> None:
    rule = make_rule("trailing", trail_percent="10")
    result = run(rule, 100, 110, 100, 99, 98)
    assert [firing.after for firing in result.firings] == [Reading(D(10), 3, D(110), 1)]


# --- what is to come ---------------------------------------------------------------------------


def test_whether_the_condition_holds_is_said_for_the_begin_and_the_end() -> None:
    result = run(make_rule("above"), 101, 99)
    assert (result.was_true, result.is_true) == (True, False)
    result = run(make_rule("above"), 99, 101)
    assert (result.was_true, result.is_true) == (False, True)


def test_nothing_fires_before_the_slot_after_the_last_tick() -> None:
    ticks = make_ticks(*[99] * 10)
    assert earliest_firing(make_rule(), ticks, NOON + 9 * SLOT) == NOON + 10 * SLOT
    # ticks that were not allowed to trigger have followed
    assert earliest_firing(make_rule(), ticks, NOON + 20 * SLOT) == NOON + 21 * SLOT


def test_a_missed_slot_makes_slots_no_longer() -> None:
    ticks = make_ticks(*[99, None] * 9, 99, 99)
    assert earliest_firing(make_rule(), ticks, NOON + 19 * SLOT) == NOON + 20 * SLOT


def test_a_change_fires_when_there_is_a_price_at_the_begin_of_its_window() -> None:
    rule = make_rule("percent_change", window="1h")
    young = make_ticks(*[99] * 10)
    assert earliest_firing(rule, young, NOON + 9 * SLOT) == NOON + timedelta(hours=1)
    old = make_ticks(*[99] * 20)
    assert earliest_firing(rule, old, NOON + 19 * SLOT) == NOON + 20 * SLOT


def test_a_mean_fires_after_the_first_tick_that_completes_it() -> None:
    ticks = make_ticks(*[99] * 10)
    last = NOON + 9 * SLOT
    # ten of twelve are known: the second to come completes it, the third may cross it
    assert earliest_firing(make_rule("sma_cross", period=12), ticks, last) == last + 3 * SLOT
    assert earliest_firing(make_rule("sma_cross", period=10), ticks, last) == last + SLOT


def test_nothing_is_said_of_the_future_of_an_unknown_past() -> None:
    assert earliest_firing(make_rule(), [], None) is None
    assert earliest_firing(make_rule(), make_ticks(*[99] * 9), NOON) is None


# --- the whole ---------------------------------------------------------------------------------


def readings_of(rule: Rule, ticks: Sequence[PastTick]) -> list[Decimal | None]:
    """Say where each tick brings the series, by the definition and the long way."""
    values: list[Decimal | None] = []
    for number, tick in enumerate(ticks):
        earlier = ticks[: number + 1]
        prices = [one.price for one in earlier]
        value: Decimal | None = tick.price
        if rule.alert_type == "trailing":
            value = (max(prices) - tick.price) / max(prices) * 100
        elif rule.period is not None:
            last = prices[-rule.period :]
            mean = sum(last, D(0)) / len(last)
            value = (tick.price - mean) / mean * 100 if len(last) == rule.period else None
        elif rule.window is not None:
            length = timedelta(hours=int(rule.window.removesuffix("h")))
            at_begin = [one.price for one in earlier if one.slot <= tick.slot - length]
            value = (tick.price - at_begin[-1]) / at_begin[-1] * 100 if at_begin else None
        values.append(value)
    return values


prices = st.lists(st.none() | st.integers(90, 110) | st.integers(90, 110), min_size=1, max_size=40)


@given(rules(), prices, st.integers(0, 10))
def test_it_fires_and_keeps_what_becomes_true_and_nothing_else(
    rule: Rule, path: list[int | None], begin: int
) -> None:
    ticks = make_ticks(*path)
    result = simulate(rule, ticks, NOON + begin * SLOT)
    fired = fired_at(result)
    assert sorted(set(fired)) == fired
    became_true = 0
    before = None
    for tick, value in zip(ticks, readings_of(rule, ticks), strict=True):
        if value is None:
            continue
        value = value.quantize(D("1e-12"))
        if before is not None and tick.sequence > begin:
            is_true = rule.becomes_true(before, value)
            became_true += is_true
            assert is_true or tick.sequence not in fired
            if is_true and rule.repeat == "every" and not rule.cooldown_minutes:
                assert tick.sequence in fired or result.suppressed_by_hysteresis
        before = value
    if rule.repeat == "once":
        assert len(fired) <= 1
        assert (result.suppressed_by_hysteresis, result.suppressed_by_cooldown) == (0, 0)
    elif rule.if_already_true != "fire":
        kept = result.suppressed_by_hysteresis + result.suppressed_by_cooldown
        assert len(fired) + kept == became_true
