"""Where each condition holds, its levels, those that arm it again, and which rules are refused."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from alert_service.domain.rules import AlertType, Rule, Zone
from goldalert.errors import InvalidFieldError
from goldalert.money import Currency
from goldalert.units import GRAMS, Karat, Unit
from tests.support.alerts import NOON, make_rule, rules

D = Decimal
ULP = Fraction(1, 10**12)

prices = st.decimals("0.01", "20000", places=2)
values = st.decimals("60", "140", places=1)
"""Of any series: prices around the thresholds, and all percentages when 100 is taken away."""


def value_of(rule: Rule, value: Decimal) -> Decimal:
    """Return a value near the levels of the rule's series."""
    return value if rule.series(1).measure == "price" else (value - 100) / 4


# --- where a condition holds -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "holds", "does_not"),
    [
        (make_rule("above"), ["100", "100.01"], ["99.99"]),
        (make_rule("below"), ["100", "99.99"], ["100.01"]),
        (make_rule("crosses_up"), ["100", "100.01"], ["99.99"]),
        (make_rule("crosses_down"), ["100", "99.99"], ["100.01"]),
        (make_rule("crosses"), [], ["99.99", "100", "100.01"]),
        (make_rule("percent_change"), ["2", "3"], ["1.99", "-2"]),
        (make_rule("percent_change", threshold="-2"), ["-2", "-3"], ["-1.99", "2"]),
        (make_rule("range_enter"), ["100", "105", "110"], ["99.99", "110.01"]),
        (make_rule("range_exit"), ["99.99", "100", "110", "110.01"], ["100.01", "109.99"]),
        (make_rule("trailing"), ["5", "6"], ["0", "4.99"]),
        (make_rule("sma_cross"), [], ["-1", "0", "1"]),
    ],
)
def test_a_condition_holds_at_its_level_itself(
    rule: Rule, holds: list[str], does_not: list[str]
) -> None:
    assert [value for value in holds if not rule.holds(D(value))] == []
    assert [value for value in does_not if rule.holds(D(value))] == []


@pytest.mark.parametrize(
    ("rule", "moves", "other_moves"),
    [
        (make_rule("above"), [(99, 100), (99, 101)], [(100, 101), (101, 99), (101, 100)]),
        (make_rule("below"), [(101, 100), (101, 99)], [(100, 99), (99, 101), (99, 100)]),
        (make_rule("crosses_up"), [(99, 100), (99, 101)], [(100, 101), (101, 99)]),
        (make_rule("crosses_down"), [(101, 100), (101, 99)], [(100, 99), (99, 101)]),
        (
            make_rule("crosses"),
            [(99, 100), (99, 101), (101, 100), (101, 99)],
            [(100, 101), (100, 99), (98, 99), (102, 101)],
        ),
        (
            make_rule("range_enter"),
            [(99, 100), (99, 105), (111, 110), (111, 105)],
            [(99, 111), (111, 99), (100, 105), (105, 111), (105, 99)],
        ),
        (
            make_rule("range_exit"),
            [(105, 100), (105, 99), (105, 110), (105, 111)],
            [(99, 111), (111, 99), (99, 105), (111, 105), (100, 99), (110, 111)],
        ),
        (make_rule("percent_change"), [(1, 2), (-9, 3)], [(2, 3), (3, 1), (-1, -2)]),
        (make_rule("percent_change", threshold="-2"), [(-1, -2), (9, -3)], [(-2, -3), (1, 2)]),
        (make_rule("trailing"), [(0, 5), (4, 9)], [(5, 6), (9, 0)]),
        (make_rule("sma_cross"), [(-1, 0), (-1, 1), (1, 0), (1, -1)], [(0, 1), (0, -1), (1, 2)]),
    ],
)
def test_a_condition_becomes_true_by_a_move_from_where_it_is_not(
    rule: Rule, moves: list[tuple[int, int]], other_moves: list[tuple[int, int]]
) -> None:
    assert [move for move in moves if not rule.becomes_true(D(move[0]), D(move[1]))] == []
    assert [move for move in other_moves if rule.becomes_true(D(move[0]), D(move[1]))] == []


@given(rules(), values, values)
def test_no_condition_becomes_true_without_a_level_of_it_being_crossed(
    rule: Rule, before: Decimal, after: Decimal
) -> None:
    before, after = value_of(rule, before), value_of(rule, after)
    if rule.becomes_true(before, after):
        assert rule.zone.is_crossed(before, after)


@given(rules(), values, values)
def test_nothing_comes_into_the_zone_that_arms_again_without_a_level_of_it_being_crossed(
    rule: Rule, before: Decimal, after: Decimal
) -> None:
    before, after = value_of(rule, before), value_of(rule, after)
    zone = rule.rearm_zone
    if zone.holds(after) and not zone.holds(before):
        assert zone.is_crossed(before, after)


@given(rules(), values)
def test_a_condition_is_not_armed_again_where_it_holds_but_at_the_level_itself(
    rule: Rule, value: Decimal
) -> None:
    value = value_of(rule, value)
    if rule.holds(value) and rule.rearm_zone.holds(value):
        assert rule.hysteresis_percent == 0
        assert value in (rule.zone.up, rule.zone.down)


@given(rules(), values, values)
def test_once_armed_again_a_condition_takes_a_move_of_the_hysteresis_to_become_true(
    rule: Rule, before: Decimal, after: Decimal
) -> None:
    before, after = value_of(rule, before), value_of(rule, after)
    assume(rule.rearm_zone.holds(before))
    if rule.becomes_true(before, after):
        is_price = rule.series(1).measure == "price"
        levels = [level for level in (rule.zone.up, rule.zone.down) if level is not None]
        steps = [abs(level) * rule.hysteresis_percent / 100 for level in levels]
        least = min(steps) if is_price else rule.hysteresis_percent
        if rule.alert_type == "trailing":
            least = min(least, *levels)
        assert abs(after - before) >= least


@given(values, values, values, values)
def test_a_zone_in_between_lies_between_its_ends(
    low: Decimal, high: Decimal, value: Decimal, other: Decimal
) -> None:
    assume(low <= high)
    zone = Zone(up=low, down=high, is_between=True)
    assert zone.holds(value) is (low <= value <= high)
    if zone.holds(other) and not zone.holds(value):
        assert zone.is_crossed(value, other)


# --- levels ------------------------------------------------------------------------------------

CROSSING_UP = ("above", "crosses_up")
CROSSING_DOWN = ("below", "crosses_down")


@given(
    st.sampled_from(["above", "below", "crosses_up", "crosses_down", "crosses"]),
    st.decimals("0.000001", "1000000", places=6),
    st.sampled_from(Unit),
    st.sampled_from(Karat),
)
def test_a_threshold_becomes_exactly_the_price_of_a_fine_ounce_rounded_toward_firing(
    alert_type: AlertType, threshold: Decimal, unit: Unit, karat: Karat
) -> None:
    zone = make_rule(alert_type, threshold=threshold, unit=unit, karat=karat).zone
    exact = Fraction(threshold) * Fraction(GRAMS[Unit.TROY_OUNCE]) / Fraction(GRAMS[unit])
    exact = exact * 24 / karat
    if alert_type not in CROSSING_DOWN:
        assert zone.up is not None
        assert 0 <= exact - Fraction(zone.up) < ULP
    else:
        assert zone.up is None
    if alert_type not in CROSSING_UP:
        assert zone.down is not None
        assert 0 <= Fraction(zone.down) - exact < ULP
    else:
        assert zone.down is None


@given(
    st.sampled_from(["range_enter", "range_exit"]),
    st.decimals("0.01", "100000", places=2),
    st.decimals("0.01", "100000", places=2),
    st.sampled_from(Unit),
    st.sampled_from(Karat),
)
def test_the_ends_of_a_range_are_rounded_toward_firing(
    alert_type: AlertType, lower: Decimal, width: Decimal, unit: Unit, karat: Karat
) -> None:
    upper = lower + width
    rule = make_rule(alert_type, threshold=lower, upper=upper, unit=unit, karat=karat)
    factor = Fraction(GRAMS[Unit.TROY_OUNCE]) / Fraction(GRAMS[unit]) * 24 / karat
    up, down = Fraction(rule.zone.up or 0), Fraction(rule.zone.down or 0)
    entered_up, entered_down = (lower, upper) if alert_type == "range_enter" else (upper, lower)
    assert 0 <= Fraction(entered_up) * factor - up < ULP
    assert 0 <= down - Fraction(entered_down) * factor < ULP


@given(prices, st.sampled_from(Unit), st.sampled_from(Karat))
def test_a_price_that_is_the_threshold_fires_in_every_unit(
    ounce: Decimal, unit: Unit, karat: Karat
) -> None:
    """What a user reads as the price and enters as the threshold is met by that very price."""
    factor = Fraction(GRAMS[unit]) / Fraction(GRAMS[Unit.TROY_OUNCE]) * karat / 24
    shown = Fraction(ounce) * factor
    threshold = D(shown.numerator * 10**20 // shown.denominator).scaleb(-20)
    if Fraction(threshold) == shown:
        for alert_type in ("above", "below"):
            rule = make_rule(alert_type, threshold=threshold, unit=unit, karat=karat)
            assert rule.holds(ounce)


def test_a_crossing_that_is_no_stored_price_fires_once_on_the_way() -> None:
    # 1 per tola is 2.666666… per troy ounce, between two prices that can be stored
    rule = make_rule("crosses", threshold="1", unit=Unit.TOLA)
    low, high = rule.zone.up, rule.zone.down
    assert low is not None
    assert high is not None
    assert high - low == D("1e-12")
    assert rule.becomes_true(low - 1, low)
    assert not rule.becomes_true(low, high)
    assert rule.becomes_true(high + 1, high)
    assert not rule.becomes_true(high, low)


@pytest.mark.parametrize(
    ("rule", "zone"),
    [
        (make_rule("above", hysteresis_percent="1"), Zone(down=D(99))),
        (make_rule("below", hysteresis_percent="1"), Zone(up=D(101))),
        (make_rule("crosses", hysteresis_percent="1"), Zone(up=D(101), down=D(99))),
        (make_rule("range_enter", hysteresis_percent="1"), Zone(up=D("111.1"), down=D(99))),
        (
            make_rule("range_exit", hysteresis_percent="1"),
            Zone(up=D(101), down=D("108.9"), is_between=True),
        ),
        (make_rule("percent_change", hysteresis_percent="0.5"), Zone(down=D("1.5"))),
        (
            make_rule("percent_change", threshold="-2", hysteresis_percent="0.5"),
            Zone(up=D("-1.5")),
        ),
        (make_rule("trailing", hysteresis_percent="0.5"), Zone(down=D("4.5"))),
        (make_rule("trailing", hysteresis_percent="6"), Zone(down=D(0))),
        (make_rule("sma_cross", hysteresis_percent="0.5"), Zone(up=D("0.5"), down=D("-0.5"))),
    ],
)
def test_an_alert_is_armed_again_beyond_the_hysteresis(rule: Rule, zone: Zone) -> None:
    assert rule.rearm_zone == zone


@given(rules())
def test_levels_can_be_stored_as_they_are(rule: Rule) -> None:
    for zone in (rule.zone, rule.rearm_zone):
        for level in (zone.up, zone.down):
            if level is not None:
                assert abs(level) < 10**16
                assert level == level.quantize(D("1e-12"))


def test_the_largest_threshold_has_levels_that_can_be_stored() -> None:
    rule = make_rule("below", threshold="4999999999999999.999999999999", hysteresis_percent="50")
    rule.check(NOON)
    assert rule.rearm_zone.up is not None
    assert rule.rearm_zone.up < 10**16


# --- series ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "series"),
    [
        (make_rule("above", currency=Currency.EUR), "price:EUR"),
        (make_rule("range_exit"), "price:USD"),
        (make_rule("percent_change", window="7d"), "price:USD:change:7d"),
        (make_rule("sma_cross", period=20), "price:USD:sma:20"),
        (make_rule("trailing", currency=Currency.CHF), "price:CHF:trailing:41"),
    ],
)
def test_each_condition_stands_on_its_series(rule: Rule, series: str) -> None:
    assert str(rule.series(41)) == series


# --- what is refused ---------------------------------------------------------------------------


@given(rules())
def test_rules_that_make_sense_pass(rule: Rule) -> None:
    if rule.alert_type in ("crosses", "crosses_up", "crosses_down", "sma_cross"):
        assert rule.if_already_true == "wait"
    rule.check(NOON)


@pytest.mark.parametrize(
    ("alert_type", "fields", "named"),
    [
        ("above", {"threshold": None}, "threshold"),
        ("above", {"threshold": "0"}, "threshold"),
        ("above", {"threshold": "-1"}, "threshold"),
        ("above", {"threshold": "1e16"}, "threshold"),
        ("above", {"threshold": "5000000000000000"}, "threshold"),
        ("above", {"threshold": "1e-13"}, "threshold"),
        ("below", {"threshold": "1e-13"}, "threshold"),
        ("above", {"threshold": "1e15", "unit": Unit.GRAM}, "threshold"),
        ("above", {"upper": "110"}, "upper"),
        ("above", {"window": "1h"}, "window"),
        ("above", {"trail_percent": "5"}, "trail_percent"),
        ("above", {"period": 5}, "period"),
        ("percent_change", {"threshold": None}, "threshold"),
        ("percent_change", {"window": None}, "window"),
        ("percent_change", {"threshold": "0"}, "threshold"),
        ("percent_change", {"threshold": "0.009"}, "threshold"),
        ("percent_change", {"threshold": "-0.009"}, "threshold"),
        ("percent_change", {"threshold": "1000.01"}, "threshold"),
        ("percent_change", {"threshold": "-100"}, "threshold"),
        ("percent_change", {"upper": "3"}, "upper"),
        ("range_enter", {"upper": None}, "upper"),
        ("range_enter", {"threshold": None}, "threshold"),
        ("range_enter", {"upper": "100"}, "upper"),
        ("range_enter", {"upper": "99"}, "upper"),
        ("range_enter", {"upper": "1e16"}, "upper"),
        ("range_enter", {"threshold": "-1"}, "threshold"),
        ("range_exit", {"upper": "99"}, "upper"),
        ("range_exit", {"upper": "100.0000000000001"}, "upper"),
        ("range_exit", {"hysteresis_percent": "5"}, "hysteresis_percent"),
        ("trailing", {"trail_percent": None}, "trail_percent"),
        ("trailing", {"trail_percent": "0"}, "trail_percent"),
        ("trailing", {"trail_percent": "-5"}, "trail_percent"),
        ("trailing", {"trail_percent": "100"}, "trail_percent"),
        ("trailing", {"threshold": "100"}, "threshold"),
        ("sma_cross", {"period": None}, "period"),
        ("sma_cross", {"period": 1}, "period"),
        ("sma_cross", {"period": 501}, "period"),
        ("sma_cross", {"threshold": "100"}, "threshold"),
        ("crosses", {"if_already_true": "fire"}, "if_already_true"),
        ("crosses_up", {"if_already_true": "reject"}, "if_already_true"),
        ("crosses_down", {"if_already_true": "fire"}, "if_already_true"),
        ("sma_cross", {"if_already_true": "fire"}, "if_already_true"),
    ],
)
def test_a_rule_without_sense_is_refused_by_the_name_of_its_field(
    alert_type: AlertType, fields: dict[str, Any], named: str
) -> None:
    with pytest.raises(InvalidFieldError) as refused:
        make_rule(alert_type, **fields).check(NOON)
    assert refused.value.field == named


@pytest.mark.parametrize(
    ("alert_type", "fields"),
    [
        ("percent_change", {"threshold": "0.01"}),
        ("percent_change", {"threshold": "1000"}),
        ("percent_change", {"threshold": "-99.99"}),
        ("trailing", {"trail_percent": "0.01"}),
        ("trailing", {"trail_percent": "99.99"}),
        ("sma_cross", {"period": 2}),
        ("sma_cross", {"period": 500}),
        ("range_enter", {"threshold": "100", "upper": "100.01", "hysteresis_percent": "50"}),
        ("above", {"threshold": "0.000000000001"}),
        ("above", {"if_already_true": "fire"}),
        ("below", {"if_already_true": "reject"}),
        ("range_exit", {"threshold": "100", "upper": "110"}),
    ],
)
def test_the_ends_of_what_is_allowed_pass(alert_type: AlertType, fields: dict[str, Any]) -> None:
    make_rule(alert_type, **fields).check(NOON)


def test_a_rule_is_over_from_its_expiry_on() -> None:
    rule = make_rule(expires_at=NOON)
    assert not rule.is_over(NOON - timedelta(microseconds=1))
    assert rule.is_over(NOON)
    assert not make_rule().is_over(NOON)
