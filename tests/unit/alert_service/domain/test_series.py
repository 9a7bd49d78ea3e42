"""What ticks say of each series, and which levels a move claims."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alert_service.domain.rules import Zone
from alert_service.domain.series import (
    INFINITY,
    Crossing,
    Kind,
    Measure,
    Past,
    Reading,
    Series,
    SeriesName,
    checked_prices,
    crossings,
    percent_off,
    percent_off_average,
    read,
)
from goldalert.events.prices import TickState
from tests.support.alerts import make_tick

D = Decimal
USD = SeriesName("USD")
CHANGE = SeriesName("USD", "change", "24h")
MEAN = SeriesName("USD", "sma", "3")
TRAILING = SeriesName("USD", "trailing", "4")

prices = st.decimals("0.01", "100000", places=2)
stored_prices = st.decimals("0.000000000001", "9999999999999999", places=12)


# --- names -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["price:USD", "price:EUR:change:24h", "price:USD:sma:20", "price:TRY:trailing:123456"],
)
def test_a_name_is_read_as_it_is_written(name: str) -> None:
    assert str(SeriesName.parse(name)) == name


names = st.builds(
    SeriesName,
    st.sampled_from(["AED", "EUR", "USD"]),
    st.sampled_from(["price", "change", "sma", "trailing"]),
    st.sampled_from(["1", "24h"]),
).map(lambda name: name.price if name.measure == "price" else name)


@given(names)
def test_the_price_that_a_series_follows_from_sorts_first(name: SeriesName) -> None:
    assert name.price == SeriesName(name.currency)
    assert str(name.price) <= str(name)


# --- prices ------------------------------------------------------------------------------------


def test_prices_are_kept_to_the_places_that_can_be_stored() -> None:
    assert checked_prices({"USD": D("1.0000000000005"), "EUR": D("1.0000000000015")}) == {
        "USD": D("1.000000000000"),
        "EUR": D("1.000000000002"),
    }


@pytest.mark.parametrize(
    "price",
    [
        "0",
        "-1",
        "NaN",
        "sNaN",
        "Infinity",
        "1e16",
        "1e-13",
        "1e400",
        "9999999999999999.9999999999995",
    ],
)
def test_a_price_that_is_none_is_refused(price: str) -> None:
    with pytest.raises(ValueError, match="is no price"):
        checked_prices({"USD": D(price)})


@pytest.mark.parametrize("price", ["9999999999999999.999999999999", "1e-12", "12345678901234.5"])
def test_the_largest_and_the_smallest_price_are_kept_as_they_are(price: str) -> None:
    assert checked_prices({"USD": D(price)}) == {"USD": D(price)}


# --- percentages -------------------------------------------------------------------------------


def rounded(value: Fraction) -> Fraction:
    """Round to 12 places, half to even."""
    return Fraction(round(value * 10**12), 10**12)


@given(stored_prices, stored_prices)
def test_a_percentage_is_exact_but_for_its_last_place(price: Decimal, reference: Decimal) -> None:
    exact = (Fraction(price) - Fraction(reference)) / Fraction(reference) * 100
    assert Fraction(percent_off(price, reference)) == min(rounded(exact), Fraction(10**16 - 1))


@given(stored_prices, st.lists(stored_prices, max_size=20))
def test_a_mean_is_not_rounded_before_the_percentage_is(
    price: Decimal, others: list[Decimal]
) -> None:
    all_prices = [price, *others]
    total = sum(Fraction(one) for one in all_prices)
    mean = total / len(all_prices)
    exact = (Fraction(price) - mean) / mean * 100
    as_decimal = D(int(total * 10**12)).scaleb(-12)
    assert Fraction(percent_off_average(price, as_decimal, len(all_prices))) == rounded(exact)


# --- readings ----------------------------------------------------------------------------------


def test_a_price_is_read_as_it_is() -> None:
    assert read(USD, D(100), 7, Past(), peak=None) == Reading(D(100), 7)


def test_a_change_is_measured_against_the_price_at_the_begin_of_the_window() -> None:
    past = Past(
        references={
            ("USD", "24h"): (3, D(100)),
            ("EUR", "24h"): (2, D(1)),
            ("USD", "1h"): (6, D(9)),
        }
    )
    assert read(CHANGE, D(102), 7, past, peak=None) == Reading(D(2), 7, D(100), 3)


@pytest.mark.parametrize(
    "references",
    [{}, {("USD", "1h"): (3, D(100))}, {("EUR", "24h"): (3, D(100))}],
)
def test_a_change_says_nothing_without_a_price_at_the_begin(
    references: Mapping[tuple[str, str], tuple[int, Decimal]],
) -> None:
    past = Past(references=references)
    assert read(CHANGE, D(102), 7, past, peak=None) is None


def test_a_distance_from_the_mean_is_in_percent_of_it() -> None:
    past = Past(totals={("USD", 3): D(300), ("USD", 4): D(1), ("EUR", 3): D(1)})
    assert read(MEAN, D(102), 7, past, peak=None) == Reading(D(2), 7, D(100))


def test_a_mean_says_nothing_before_it_has_all_its_ticks() -> None:
    assert read(MEAN, D(102), 7, Past(totals={("EUR", 3): D(300)}), peak=None) is None


def test_a_fall_is_measured_from_the_peak() -> None:
    first = read(TRAILING, D(100), 4, Past(), peak=None)
    assert first == Reading(D(0), 4, D(100), 4)
    fallen = read(TRAILING, D(95), 5, Past(), peak=first)
    assert fallen == Reading(D(5), 5, D(100), 4)
    assert read(TRAILING, D(100), 6, Past(), peak=fallen) == Reading(D(0), 6, D(100), 4)
    assert read(TRAILING, D(101), 6, Past(), peak=fallen) == Reading(D(0), 6, D(101), 6)


@given(st.lists(prices, min_size=1))
def test_the_peak_is_the_first_of_the_highest_prices_and_no_fall_is_negative(
    path: list[Decimal],
) -> None:
    reading = None
    for sequence, price in enumerate(path):
        reading = read(TRAILING, price, sequence, Past(), peak=reading)
        assert reading is not None
        highest = max(path[: sequence + 1])
        assert (reading.reference, reading.reference_sequence) == (highest, path.index(highest))
        assert 0 <= reading.value < 100


@given(
    st.sampled_from([("change", "24h"), ("sma", "500"), ("trailing", "1")]),
    stored_prices,
    stored_prices,
)
@example(("change", "24h"), D("9999999999999999"), D("1e-12"))
@example(("trailing", "1"), D("1e-12"), D("9999999999999999"))
def test_every_reading_can_be_stored(
    series: tuple[Measure, str], price: Decimal, other: Decimal
) -> None:
    """A tick that no row could take would stop its series for good."""
    past = Past({("USD", "24h"): (1, other)}, {("USD", 500): 499 * other + price})
    reading = read(SeriesName("USD", *series), price, 7, past, peak=Reading(D(0), 1, other, 1))
    assert reading is not None
    assert abs(reading.value) < 10**16
    assert reading.reference is not None
    assert reading.reference < 10**16


# --- how far a series is -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "moves"),
    [
        ("fresh", True),
        ("reduced", True),
        ("held", False),
        ("closed", False),
        ("unknown", False),
        ("stale", False),
    ],
)
def test_only_ticks_that_may_trigger_move_a_series(state: TickState, moves: bool) -> None:
    tick = make_tick(7, "100", state)
    assert tick.may_trigger is moves
    reading = Series(USD, None, 6).read(tick, Past())
    assert reading == (Reading(D(100), 7) if moves else None)


def test_a_tick_does_not_move_a_series_that_it_says_nothing_of() -> None:
    assert Series(SeriesName("EUR"), None, 6).read(make_tick(), Past()) is None


def test_a_series_measures_a_fall_from_its_own_peak() -> None:
    series = Series(TRAILING, Reading(D(5), 6, D(200), 4), 6)
    assert series.read(make_tick(7, "100"), Past()) == Reading(D(50), 7, D(200), 4)


def test_a_new_alert_is_compared_with_the_pending_value_and_not_claimed_by_its_tick() -> None:
    series = Series(USD, Reading(D(90), 3), 4)
    assert (series.current, series.armed_after) == (Reading(D(90), 3), 4)
    pending = series.moving(Reading(D(110), 5))
    assert (pending.current, pending.armed_after) == (Reading(D(110), 5), 5)
    moved = pending.moved(Reading(D(110), 5))
    assert moved == Series(USD, Reading(D(110), 5), 5)
    assert (moved.current, moved.armed_after) == (pending.current, pending.armed_after)


def test_a_tick_that_says_nothing_is_passed() -> None:
    series = Series(USD, Reading(D(90), 3), 4)
    assert series.next_sequence == 5
    assert series.passed(5) == replace(series, applied_sequence=5)


def test_a_series_without_a_value_has_nothing_to_compare_with() -> None:
    assert Series(USD, None, 4).current is None


# --- levels that a move claims -----------------------------------------------------------------


def test_a_rise_claims_above_the_old_value_up_to_and_with_the_new() -> None:
    assert crossings(D(90), D(100)) == [Crossing("up", D(90), D(100))]


def test_a_fall_claims_below_the_old_value_down_to_and_with_the_new() -> None:
    assert crossings(D(100), D(90)) == [Crossing("down", D(90), D(100))]


def test_a_series_that_stays_claims_nothing() -> None:
    assert crossings(D(100), D("100.00")) == []


def test_the_first_value_claims_on_both_sides_but_only_what_waits_for_a_first_value() -> None:
    assert crossings(None, D(-1)) == [
        Crossing("up", -INFINITY, D(-1), ("first_price",)),
        Crossing("down", D(-1), INFINITY, ("first_price",)),
    ]


def claimed(zone: Zone, kind: Kind, before: Decimal | None, after: Decimal) -> int:
    """Count the statements of the engine that find an alert."""
    found = 0
    for crossing in crossings(before, after):
        level = zone.up if crossing.direction == "up" else zone.down
        if level is not None and kind in crossing.kinds:
            if crossing.direction == "up":
                found += crossing.low < level <= crossing.high
            else:
                found += crossing.low <= level < crossing.high
    return found


levels = st.none() | st.integers(-5, 5).map(Decimal)
values = st.integers(-5, 5).map(Decimal)


@given(
    levels,
    levels,
    st.booleans(),
    st.sampled_from(["condition", "first_price", "rearm"]),
    values,
    values,
)
def test_a_move_claims_exactly_the_levels_that_it_crosses(
    up: Decimal | None,
    down: Decimal | None,
    is_between: bool,
    kind: Kind,
    before: Decimal,
    after: Decimal,
) -> None:
    zone = Zone(up, down, is_between)
    assert claimed(zone, kind, before, after) == zone.is_crossed(before, after)


@given(levels, levels, st.booleans(), values)
def test_the_first_value_claims_whatever_waits_for_it_and_holds(
    up: Decimal | None, down: Decimal | None, is_between: bool, after: Decimal
) -> None:
    zone = Zone(up, down, is_between and up is not None and down is not None)
    if zone.holds(after):
        assert claimed(zone, "first_price", None, after) >= 1
    assert claimed(zone, "condition", None, after) == 0
    assert claimed(zone, "rearm", None, after) == 0
