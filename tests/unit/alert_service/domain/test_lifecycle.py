"""What becomes of an alert when it is set, claimed by a tick, or due."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_service.domain.lifecycle import (
    ACTIVE,
    ARMED,
    EXPIRED,
    State,
    Step,
    on_claim,
    on_due,
    on_set,
)
from alert_service.domain.rules import AlertType, IfAlreadyTrue, Rule
from alert_service.domain.series import Kind
from tests.support.alerts import NOON, make_alert, make_rule, rules

D = Decimal
TRIGGERED = Step("triggered", fires=True)
WAITS_FOR_REARM = Step("cooling", arm="rearm")
EVERY = make_rule(repeat="every", hysteresis_percent="1")
WITH_COOLDOWN = replace(EVERY, cooldown_minutes=30)

values = st.integers(80, 120).map(Decimal)
kinds: st.SearchStrategy[Kind] = st.sampled_from(["condition", "first_price", "rearm"])


# --- set ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("wish", ["fire", "wait", "reject"])
def test_a_condition_that_does_not_hold_is_armed_whatever_the_wish(wish: IfAlreadyTrue) -> None:
    assert on_set(make_rule(if_already_true=wish), D("99.99"), NOON) == ARMED


@pytest.mark.parametrize(("wish", "step"), [("fire", TRIGGERED), ("wait", ARMED), ("reject", None)])
def test_a_condition_that_holds_is_dealt_with_as_wished(
    wish: IfAlreadyTrue, step: Step | None
) -> None:
    assert on_set(make_rule(if_already_true=wish), D(100), NOON) == step


@pytest.mark.parametrize(
    ("wish", "kind"), [("fire", "first_price"), ("wait", "condition"), ("reject", "condition")]
)
def test_only_a_rule_that_may_fire_at_once_waits_for_the_first_value(
    wish: IfAlreadyTrue, kind: Kind
) -> None:
    assert on_set(make_rule(if_already_true=wish), None, NOON) == Step("armed", arm=kind)


@pytest.mark.parametrize("alert_type", ["crosses", "crosses_up", "crosses_down", "sma_cross"])
def test_what_waits_for_a_crossing_is_armed_wherever_its_series_stands(
    alert_type: AlertType,
) -> None:
    rule = make_rule(alert_type)
    assert [on_set(rule, D(value), NOON) for value in (-1, 0, 99, 100, 101)] == [ARMED] * 5


# --- claimed -----------------------------------------------------------------------------------


def test_an_alert_that_is_to_fire_once_is_over_when_it_has() -> None:
    assert on_claim(make_rule(), "condition", D(99), D(100), NOON) == TRIGGERED


def test_a_repeated_alert_rests_for_its_cooldown_from_the_slot_of_the_tick() -> None:
    step = on_claim(WITH_COOLDOWN, "condition", D(99), D(100), NOON)
    assert step == Step("cooling", due_at=NOON + timedelta(minutes=30), fires=True)


def test_without_a_cooldown_it_waits_for_the_series_to_leave_by_the_hysteresis() -> None:
    step = on_claim(EVERY, "condition", D(99), D(100), NOON)
    assert step == Step("cooling", arm="rearm", fires=True)


def test_without_either_it_is_armed_again_only_where_it_can_become_true_anew() -> None:
    rule = make_rule(repeat="every")
    assert on_claim(rule, "condition", D(99), D(100), NOON) == Step(
        "armed", "condition", fires=True
    )
    assert on_claim(rule, "condition", D(99), D(101), NOON) == Step("cooling", "rearm", fires=True)


def test_a_crossing_that_goes_beyond_the_hysteresis_is_armed_again_at_once() -> None:
    rule = make_rule("crosses", repeat="every", hysteresis_percent="1")
    assert on_claim(rule, "condition", D(99), D("101"), NOON) == replace(ARMED, fires=True)
    assert on_claim(rule, "condition", D(99), D("100.9"), NOON).arm == "rearm"


def test_a_price_that_jumps_over_a_range_does_not_enter_it() -> None:
    assert on_claim(make_rule("range_enter"), "condition", D(99), D(111), NOON) == ARMED


def test_a_price_that_jumps_over_a_range_it_was_outside_of_does_not_leave_it() -> None:
    assert on_claim(make_rule("range_exit"), "condition", D(99), D(111), NOON) == ARMED


def test_a_price_that_jumps_over_the_range_that_arms_again_arms_nothing() -> None:
    rule = make_rule("range_exit", repeat="every", hysteresis_percent="1")
    assert on_claim(rule, "rearm", D(111), D(99), NOON) == WAITS_FOR_REARM
    assert on_claim(rule, "rearm", D(111), D(105), NOON) == ARMED


def test_an_alert_that_leaves_its_level_by_the_hysteresis_is_armed_and_does_not_fire() -> None:
    assert on_claim(EVERY, "rearm", D(101), D(99), NOON) == ARMED


@pytest.mark.parametrize(("value", "step"), [("100", TRIGGERED), ("99", ARMED)])
def test_the_first_value_fires_what_waits_for_it_if_it_holds(value: str, step: Step) -> None:
    rule = make_rule(if_already_true="fire")
    assert on_claim(rule, "first_price", None, D(value), NOON) == step


@given(rules(), kinds, values, values)
def test_an_alert_that_is_over_never_fires(
    rule: Rule, kind: Kind, before: Decimal, after: Decimal
) -> None:
    over = replace(rule, expires_at=NOON)
    assert on_claim(over, kind, before, after, NOON) == EXPIRED
    just_before = NOON - timedelta(microseconds=1)
    assert on_claim(over, kind, before, after, just_before) == on_claim(
        rule, kind, before, after, just_before
    )


@given(rules(), st.none() | values, values)
def test_an_alert_that_waits_to_be_armed_again_does_not_fire(
    rule: Rule, before: Decimal | None, after: Decimal
) -> None:
    assert not on_claim(rule, "rearm", before, after, NOON).fires


@given(rules(), kinds, values, values)
def test_every_state_waits_for_something_or_is_over(
    rule: Rule, kind: Kind, before: Decimal, after: Decimal
) -> None:
    step = on_claim(rule, kind, before, after, NOON)
    if step.state in ACTIVE:
        assert (step.arm is None) is (step.due_at is not None)
    else:
        assert step == TRIGGERED


# --- due ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "step"), [("99", ARMED), ("99.01", WAITS_FOR_REARM), ("101", WAITS_FOR_REARM)]
)
def test_after_its_cooldown_an_alert_is_armed_beyond_the_hysteresis_alone(
    value: str, step: Step
) -> None:
    assert on_due(WITH_COOLDOWN, "cooling", D(value), NOON) == step


@pytest.mark.parametrize(
    ("wish", "step"), [("fire", TRIGGERED), ("wait", ARMED), ("reject", ARMED)]
)
def test_the_end_of_a_snooze_is_like_setting_the_alert_but_refuses_nothing(
    wish: IfAlreadyTrue, step: Step
) -> None:
    rule = make_rule(if_already_true=wish)
    assert on_due(rule, "snoozed", D(100), NOON) == step
    assert on_due(rule, "snoozed", D(99), NOON) == ARMED


def test_the_cooldown_of_an_alert_that_fires_when_its_snooze_ends_begins_then() -> None:
    rule = replace(WITH_COOLDOWN, if_already_true="fire")
    step = on_due(rule, "snoozed", D(100), NOON)
    assert step == Step("cooling", due_at=NOON + timedelta(minutes=30), fires=True)


@pytest.mark.parametrize("state", ["cooling", "snoozed"])
def test_an_alert_that_is_over_when_it_is_due_is_expired(state: State) -> None:
    rule = replace(WITH_COOLDOWN, expires_at=NOON)
    assert on_due(rule, state, D(99), NOON) == EXPIRED


# --- an alert ----------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["armed", "cooling", "snoozed"])
def test_an_active_alert_is_expired_from_its_expiry_on(state: State) -> None:
    alert = make_alert(make_rule(expires_at=NOON), state=state)
    assert alert.state_at(NOON - timedelta(seconds=1)) == state
    assert alert.state_at(NOON) == "expired"


@pytest.mark.parametrize("state", ["paused", "triggered"])
def test_what_is_not_active_does_not_expire(state: State) -> None:
    assert make_alert(make_rule(expires_at=NOON), state=state).state_at(NOON) == state


def test_a_step_says_when_an_alert_has_triggered_and_keeps_that() -> None:
    later = NOON + timedelta(hours=1)
    fired = make_alert(EVERY).after(Step("cooling", due_at=later, fires=True), NOON)
    assert (fired.state, fired.due_at, fired.triggered_at) == ("cooling", later, NOON)
    armed = fired.after(ARMED, later)
    assert (armed.state, armed.due_at, armed.triggered_at) == ("armed", None, NOON)


def test_the_peak_of_a_trailing_alert_names_its_series() -> None:
    assert str(make_alert(make_rule("trailing"), peak_since=9).series) == "price:USD:trailing:9"
