"""What is told of an alert that fires, and what is packed into a message."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_service.domain.rules import AlertType, Rule
from alert_service.domain.series import Direction, Reading
from alert_service.domain.triggers import direction_of, make_trigger, pack, price_reached
from goldalert.events.alerts import Trigger
from goldalert.ids import new_id
from goldalert.units import Karat, Unit
from tests.support.alerts import make_alert, make_rule, make_tick, rules

D = Decimal


def trigger_of(
    rule: Rule, before: Reading | None, after: Reading, price: str = "100", **fields: Any
) -> Trigger:
    alert = make_alert(rule, **fields)
    return make_trigger(alert, new_id(), make_tick(7, price), before, after)


def test_a_trigger_tells_the_price_in_the_unit_of_the_alert_and_the_threshold_as_entered() -> None:
    rule = make_rule("above", threshold="99.50", unit=Unit.GRAM, karat=Karat.K22)
    after = Reading(D("3393.10656"), 7)
    trigger = trigger_of(rule, Reading(D(3000), 6), after, "3393.10656", note="sell", version=3)
    assert trigger.price == 100
    assert str(trigger.threshold) == "99.50"
    assert (trigger.note, trigger.version, trigger.direction) == ("sell", 3, "up")
    assert (trigger.change_percent, trigger.reference, trigger.percent) == (None, None, None)
    assert (trigger.lower, trigger.upper, trigger.window, trigger.period) == (None,) * 4


def test_a_trigger_of_a_percentage_tells_what_it_is_measured_against() -> None:
    rule = make_rule("percent_change", threshold="2", unit=Unit.GRAM, karat=Karat.K22)
    after = Reading(D("2.5"), 7, D("3393.10656"), 3)
    trigger = trigger_of(rule, Reading(D(1), 6), after, "3477.934224")
    assert trigger.reference == 100
    assert trigger.threshold == 102
    assert trigger.price == D("102.5")
    assert (trigger.percent, trigger.change_percent, trigger.window) == (2, D("2.5"), "1h")
    assert trigger.direction == "up"


def test_a_trigger_of_a_fall_from_the_peak_tells_that_the_price_fell() -> None:
    trigger = trigger_of(make_rule("trailing"), Reading(D(0), 6), Reading(D(6), 7, D(200), 4))
    assert (trigger.direction, trigger.threshold, trigger.reference) == ("down", 190, 200)
    assert (trigger.percent, trigger.change_percent) == (5, 6)


def test_a_trigger_of_a_mean_tells_the_mean_that_was_crossed() -> None:
    trigger = trigger_of(make_rule("sma_cross"), Reading(D(1), 6), Reading(D(-1), 7, D(101)))
    assert (trigger.direction, trigger.threshold, trigger.period) == ("down", 101, 3)


@pytest.mark.parametrize(
    ("alert_type", "before", "after", "reached"),
    [
        ("range_enter", 99, 105, 100),
        ("range_enter", 111, 105, 110),
        ("range_exit", 105, 99, 100),
        ("range_exit", 105, 111, 110),
    ],
)
def test_a_trigger_of_a_range_tells_the_end_that_was_crossed(
    alert_type: AlertType, before: int, after: int, reached: int
) -> None:
    trigger = trigger_of(make_rule(alert_type), Reading(D(before), 6), Reading(D(after), 7))
    assert (trigger.lower, trigger.upper, trigger.threshold) == (100, 110, reached)


@pytest.mark.parametrize(
    ("rule", "value", "reached"),
    [
        (make_rule("above"), "101", 100),
        (make_rule("range_enter"), "105", 100),
        (make_rule("range_exit"), "111", 110),
        (make_rule("range_exit"), "99", 100),
        (make_rule("trailing"), "6", 95),
    ],
)
def test_without_a_move_there_is_no_direction_but_a_price_that_was_reached(
    rule: Rule, value: str, reached: int
) -> None:
    after = Reading(D(value), 7, D(100), 3)
    direction = direction_of(rule, None, after)
    assert (direction, price_reached(rule, direction, after)) == (None, reached)


@given(rules(), st.sampled_from(["up", "down", None]))
def test_the_price_that_was_reached_is_one(rule: Rule, direction: Direction | None) -> None:
    assert price_reached(rule, direction, Reading(D(1), 7, D("4000.12"), 3)) > 0


def test_the_highest_price_that_can_be_stored_can_be_told() -> None:
    highest = D("9999999999999999.999999999999")
    rule = make_rule("percent_change", threshold="1000", unit=Unit.KILOGRAM)
    trigger = trigger_of(rule, None, Reading(D(1001), 7, highest, 3), str(highest))
    assert trigger.threshold > trigger.price > highest


# --- messages ----------------------------------------------------------------------------------


def make_triggers(count: int, note: str | None = None) -> list[str]:
    trigger = trigger_of(make_rule(), Reading(D(99), 6), Reading(D(100), 7), note=note)
    return [trigger.model_dump_json(exclude_none=True)] * count


def test_a_message_holds_at_most_a_hundred_triggers() -> None:
    triggers = make_triggers(201)
    packed = list(pack(triggers, max_bytes=10**9))
    assert [len(message) for message in packed] == [100, 100, 1]
    assert [trigger for message in packed for trigger in message] == triggers


def test_a_message_holds_as_much_as_fits_into_its_bytes_of_json() -> None:
    triggers = make_triggers(50, note="\x01ü" * 250)
    packed = list(pack(triggers, max_bytes=20_000))
    assert [trigger for message in packed for trigger in message] == triggers
    sizes = [len(",".join(message).encode()) for message in packed]
    assert max(sizes) <= 20_000
    assert min(sizes[:-1]) > 20_000 - len(triggers[0].encode()) - 2


def test_nothing_is_packed_into_no_message() -> None:
    assert list(pack([], max_bytes=1000)) == []
