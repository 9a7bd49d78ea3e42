"""Which levels a move crosses, how a rule becomes a level, and what is packed into a message."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alert_service.domain import (
    TOO_HIGH,
    Alert,
    AlertType,
    Crossing,
    IfAlreadyTrue,
    Reading,
    Rule,
    Series,
    StoredTick,
    crossings,
    decide,
    kind_of,
    make_trigger,
    pack,
    values_of,
)
from goldalert.events.alerts import Trigger
from goldalert.events.prices import Tick, TickState
from goldalert.ids import new_id
from goldalert.money import Currency
from goldalert.units import Karat, Unit

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def make_rule(
    alert_type: AlertType = "above",
    threshold: str = "100",
    *,
    unit: Unit = Unit.TROY_OUNCE,
    karat: Karat = Karat.K24,
    if_already_true: IfAlreadyTrue = "wait",
    expires_at: datetime | None = None,
) -> Rule:
    return Rule(
        alert_type, Decimal(threshold), Currency.USD, unit, karat, if_already_true, expires_at
    )


def make_alert(rule: Rule, note: str | None = None) -> Alert:
    return Alert(new_id(), UUID(int=1), rule, "armed", note, ["email", "in_app"], NOON, NOON, None)


def claims(ranges: list[Crossing], level: Decimal, direction: str) -> bool:
    """Apply ranges as the claim's SQL does."""
    return any(
        r.direction == direction
        and "condition" in r.kinds
        and (r.low < level <= r.high if direction == "up" else r.low <= level < r.high)
        for r in ranges
    )


def test_a_rise_claims_above_the_old_price_up_to_and_with_the_new() -> None:
    assert crossings(Decimal(90), Decimal(100)) == [Crossing("up", Decimal(90), Decimal(100))]


def test_a_fall_claims_below_the_old_price_down_to_and_with_the_new() -> None:
    assert crossings(Decimal(100), Decimal(90)) == [Crossing("down", Decimal(90), Decimal(100))]


def test_a_price_that_stays_claims_nothing() -> None:
    assert crossings(Decimal(100), Decimal("100.00")) == []


def test_the_first_price_claims_on_both_sides_but_only_what_waits_for_a_first_price() -> None:
    assert crossings(None, Decimal(100)) == [
        Crossing("up", Decimal(0), Decimal(100), ("first_price",)),
        Crossing("down", Decimal(100), TOO_HIGH, ("first_price",)),
    ]


prices = st.decimals("0.01", "1000", places=2)


@given(prices, prices, prices, st.sampled_from(["above", "below"]))
def test_a_level_is_claimed_exactly_when_its_condition_becomes_true(
    before: Decimal, now: Decimal, threshold: Decimal, alert_type: AlertType
) -> None:
    rule = make_rule(alert_type, str(threshold))
    became_true = rule.is_true_at(now) and not rule.is_true_at(before)
    assert claims(crossings(before, now), rule.level, rule.direction) is became_true


@pytest.mark.parametrize(
    ("alert_type", "price", "holds"),
    [
        ("above", "99.99", False),
        ("above", "100", True),
        ("above", "100.01", True),
        ("below", "99.99", True),
        ("below", "100", True),
        ("below", "100.01", False),
    ],
)
def test_a_condition_holds_at_the_threshold_itself(
    alert_type: AlertType, price: str, holds: bool
) -> None:
    assert make_rule(alert_type).is_true_at(Decimal(price)) is holds


def test_a_threshold_in_another_unit_and_karat_becomes_a_price_of_a_fine_troy_ounce() -> None:
    # 100 per gram of 22 karat: times 31.1034768 g, times 24/22
    rule = make_rule("above", "100", unit=Unit.GRAM, karat=Karat.K22)
    assert rule.level == Decimal("3393.106560000000")


def test_a_level_is_rounded_toward_firing() -> None:
    # 1 per tola is 2.666666… per troy ounce
    above = make_rule("above", "1", unit=Unit.TOLA).level
    below = make_rule("below", "1", unit=Unit.TOLA).level
    exact = Decimal("31.1034768") / Decimal("11.6638038")
    assert above < exact < below
    assert below - above == Decimal("1e-12")


@pytest.mark.parametrize("wish", ["fire", "wait", "reject"])
def test_a_condition_that_does_not_hold_is_armed_whatever_the_wish(wish: IfAlreadyTrue) -> None:
    assert decide(make_rule(if_already_true=wish), Decimal("99.99")) == "arm"


@pytest.mark.parametrize(
    ("wish", "decision"), [("fire", "fire"), ("wait", "arm"), ("reject", "reject")]
)
def test_a_condition_that_holds_is_dealt_with_as_wished(wish: IfAlreadyTrue, decision: str) -> None:
    assert decide(make_rule(if_already_true=wish), Decimal(100)) == decision


@pytest.mark.parametrize("wish", ["fire", "wait", "reject"])
def test_without_a_price_every_rule_is_armed(wish: IfAlreadyTrue) -> None:
    assert decide(make_rule(if_already_true=wish), None) == "arm"


def test_only_a_rule_that_may_fire_at_once_waits_for_the_first_price() -> None:
    assert kind_of(make_rule(if_already_true="fire"), None) == "first_price"
    assert kind_of(make_rule(if_already_true="wait"), None) == "condition"
    assert kind_of(make_rule(if_already_true="reject"), None) == "condition"
    assert kind_of(make_rule(if_already_true="fire"), Decimal(90)) == "condition"


def test_an_alert_is_expired_from_its_expiry_on() -> None:
    alert = make_alert(make_rule(expires_at=NOON))
    assert alert.state_at(NOON - timedelta(seconds=1)) == "armed"
    assert alert.state_at(NOON) == "expired"


def make_tick(state: TickState) -> StoredTick:
    tick = Tick(
        tick_id=new_id(),
        sequence=7,
        slot=NOON,
        state=state,
        origin="live",
        sources=[],
        counted=0,
        agreeing=0,
    )
    return StoredTick(tick, {"price:USD": Decimal(100)}, "correlation")


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
    assert make_tick(state).move_of("price:USD") == (Decimal(100) if moves else None)


def test_a_tick_does_not_move_a_series_that_it_says_nothing_of() -> None:
    assert make_tick("fresh").move_of("price:EUR") is None


def test_a_tick_moves_one_series_per_currency_by_values_that_can_be_stored_exactly() -> None:
    assert values_of({"USD": Decimal("1.0000000000005"), "EUR": Decimal(2)}) == {
        "price:USD": Decimal("1.000000000000"),
        "price:EUR": Decimal("2.000000000000"),
    }


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity", "1e16", "1e-13", "1e400"])
def test_a_price_that_is_none_is_refused(price: str) -> None:
    with pytest.raises(ValueError, match="is no price"):
        values_of({"USD": Decimal(price)})


def test_a_new_alert_is_compared_with_the_pending_price_and_not_claimed_by_its_tick() -> None:
    series = Series("price:USD", Decimal(90), 3, 4, None)
    assert (series.current, series.armed_after) == (Reading(Decimal(90), 3), 4)
    pending = series.moving(Decimal(110))
    assert (pending.current, pending.armed_after) == (Reading(Decimal(110), 5), 5)
    moved = pending.moved(Decimal(110))
    assert moved == Series("price:USD", Decimal(110), 5, 5, None)
    assert moved.current == pending.current


def test_a_series_without_a_price_has_nothing_to_compare_with() -> None:
    assert Series("price:USD", None, None, 4, None).current is None


def test_a_trigger_tells_the_price_in_the_unit_of_the_alert() -> None:
    alert = make_alert(make_rule("above", "100", unit=Unit.GRAM, karat=Karat.K22), note="sell")
    trigger = make_trigger(alert, new_id(), Decimal("3393.10656"))
    assert (trigger.price, trigger.threshold, trigger.note) == (100, 100, "sell")


def make_triggers(count: int, note: str | None = None) -> list[Trigger]:
    alert = make_alert(make_rule(), note)
    return [make_trigger(alert, new_id(), Decimal(100)) for _ in range(count)]


def test_a_message_holds_at_most_a_hundred_triggers() -> None:
    triggers = make_triggers(201)
    packed = list(pack(triggers, max_bytes=10**9))
    assert [len(message) for message in packed] == [100, 100, 1]
    assert [trigger for message in packed for trigger in message] == triggers


def test_a_message_holds_at_most_its_bytes_of_json() -> None:
    triggers = make_triggers(50, note="\x01ü" * 250)
    packed = list(pack(triggers, max_bytes=20_000))
    assert [trigger for message in packed for trigger in message] == triggers
    sizes = [
        len(",".join(t.model_dump_json(exclude_none=True) for t in message).encode())
        for message in packed
    ]
    assert max(sizes) < 20_000
    assert min(sizes[:-1]) > 20_000 - max(len(t.model_dump_json().encode()) for t in triggers) - 50


def test_nothing_is_packed_into_no_message() -> None:
    assert list(pack([], max_bytes=1000)) == []
