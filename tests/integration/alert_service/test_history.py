"""The history of triggers: each explains itself, with numbers that a reader can check."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import pytest
from sqlalchemy import event, text

from alert_service.domain.rules import AlertType
from alert_service.repository import Repository
from alert_service.schemas import AlertView, TriggerView
from alert_service.use_cases.history import list_triggers
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.events.prices import PriceUpdatedV1
from goldalert.ids import new_id
from tests.support.facts import tick as tick_facts
from tests.support.migrations import FirstVersion

from .conftest import ADA, NOON, World, make_tick

RATES = {"EUR": Decimal("0.8576"), "JPY": Decimal("147.68")}


def with_rates(sequence: int, dollars: str, rates: Mapping[str, Decimal] = RATES) -> PriceUpdatedV1:
    usd = Decimal(dollars)
    without = make_tick(
        sequence, {"USD": usd, **{currency: usd * rate for currency, rate in rates.items()}}
    )
    facts = without.data.tick.model_copy(update={"exchange_rates_as_of": date(2026, 11, 23)})
    data = without.data.model_copy(update={"tick": facts, "rates": dict(rates)})
    return without.model_copy(update={"data": data})


def history(world: World, alert: AlertView | None = None) -> list[TriggerView]:
    page = list_triggers(
        world.unit_of_work,
        user_id=ADA,
        alert_id=alert and alert.id,
        limit=20,
        cursor=None,
    )
    return page.items


def test_a_trigger_shows_the_ticks_on_both_sides_of_its_move(world: World) -> None:
    world.create("above", "105")
    before = world.tick(1, "100")
    world.tick(2, "101", state="held")
    after = world.tick(3, "110")
    [trigger] = history(world)
    assert trigger.tick_before is not None
    assert trigger.tick is not None
    for shown, told in ((trigger.tick_before, before), (trigger.tick, after)):
        of = told.data.tick
        assert (shown.tick_id, shown.sequence, shown.slot) == (of.tick_id, of.sequence, of.slot)
        assert (shown.state, shown.sources) == ("fresh", ["swissquote", "coinbase"])
        assert (shown.counted, shown.agreeing, shown.spread_bps) == (2, 2, Decimal("1.5"))
        assert shown.price_per_troy_ounce == told.data.prices["USD"]
    assert (trigger.value_before, trigger.value, trigger.reference) == (100, 110, None)
    assert (trigger.price_before, trigger.price) == (100, 110)
    assert trigger.reason == (
        "Gold rose from 100.00 to 110.00 USD per troy ounce "
        "and so reached your threshold of 105 USD."
    )


def test_a_reader_can_multiply_the_price_from_dollars_to_karats(world: World) -> None:
    world.create("above", "90", currency="EUR", unit="tola", karat=22)
    world.deliver(with_rates(1, "80"))
    world.deliver(with_rates(2, "4389.38"))
    [trigger] = history(world)
    shown = trigger.tick
    assert shown is not None
    assert (shown.dollars_per_troy_ounce, shown.exchange_rate) == (Decimal("4389.38"), RATES["EUR"])
    assert shown.exchange_rates_as_of == date(2026, 11, 23)
    euros = Fraction(shown.dollars_per_troy_ounce or 0) * Fraction(shown.exchange_rate or 0)
    assert Fraction(shown.price_per_troy_ounce or 0) == euros
    ounces = Fraction(trigger.grams) / Fraction(trigger.grams_per_troy_ounce)
    exact = euros * ounces * trigger.karat / 24
    assert abs(Fraction(trigger.price) - exact) <= Fraction("1e-12") / 2


def test_dollars_need_no_rate_and_a_tick_without_rates_has_none(world: World) -> None:
    world.create("above", "105")
    world.create("above", "105", currency="EUR")
    world.deliver(with_rates(1, "100"))
    world.deliver(make_tick(2, {"USD": Decimal(200), "EUR": Decimal(180)}))
    for trigger in history(world):
        assert trigger.tick is not None
        assert trigger.tick_before is not None
        assert trigger.tick.exchange_rate is None
        expected = RATES["EUR"] if trigger.currency == "EUR" else None
        assert trigger.tick_before.exchange_rate == expected


@pytest.mark.parametrize(
    ("alert_type", "fields", "prices", "reference_tick", "reason"),
    [
        (
            "percent_change",
            {"threshold": "2", "window": "1h"},
            {1: "100", 13: "101", 14: "103"},
            1,
            "Gold came to 103.00 USD per troy ounce, 3.00% above the 100.00 USD of an hour "
            "earlier (2026-11-24 12:05 UTC), and so reached the 2% that you set; "
            "at the tick before it was 1.00% above.",
        ),
        (
            "trailing",
            {"trail_percent": "5"},
            {1: "100", 2: "110", 3: "104.5"},
            2,
            "Gold came to 104.50 USD per troy ounce, 5.00% below its peak of 110.00 USD "
            "(2026-11-24 12:10 UTC), and so reached the 5% that you set; "
            "at the tick before it was level.",
        ),
        (
            "sma_cross",
            {"period": 2},
            {1: "100", 2: "99", 3: "101"},
            None,
            "Gold came to 101.00 USD per troy ounce, 1.00% above its average of 2 ticks, "
            "100.00 USD, and so crossed it; at the tick before it was 0.50% below.",
        ),
    ],
)
def test_a_percentage_is_shown_with_the_price_that_it_is_measured_against(
    world: World,
    alert_type: AlertType,
    fields: dict[str, object],
    prices: dict[int, str],
    reference_tick: int | None,
    reason: str,
) -> None:
    world.create(alert_type, **{"threshold": None, **fields})
    last = max(prices)
    for sequence in range(1, last + 1):
        so_far = [price for at, price in prices.items() if at <= sequence]
        world.tick(sequence, so_far[-1], state="fresh" if sequence in prices else "held")
    [trigger] = history(world)
    assert trigger.reason == reason
    assert trigger.reference is not None
    assert trigger.reference.price == trigger.reference.price_per_troy_ounce
    shown = trigger.reference.tick
    assert (shown and shown.sequence) == reference_tick
    if shown is not None:
        assert shown.price_per_troy_ounce == trigger.reference.price_per_troy_ounce
    assert trigger.price_before == Decimal([*prices.values()][-2])


def test_the_reference_is_in_the_rules_own_unit_too(world: World) -> None:
    world.create("trailing", None, trail_percent="5", unit="kilogram", karat=18)
    for sequence, price in enumerate(["31.1034768", "28"], start=1):
        world.tick(sequence, price)
    [trigger] = history(world)
    assert trigger.reference is not None
    assert trigger.reference.price == 750
    assert trigger.reference.price_per_troy_ounce == Decimal("31.1034768")
    assert trigger.price_before == 750


def test_an_alert_that_fires_without_a_move_has_no_tick_before(world: World) -> None:
    world.tick(1, "110")
    alert = world.create("above", "105", if_already_true="fire")
    [trigger] = history(world, alert)
    assert (trigger.value_before, trigger.price_before, trigger.tick_before) == (None, None, None)
    assert trigger.tick is not None
    assert trigger.tick.sequence == 1
    assert trigger.reason.startswith("Gold stood at 110.00 USD per troy ounce, at or above")


def test_each_trigger_tells_the_version_of_the_rule_that_fired(world: World) -> None:
    alert = world.create("above", "105", repeat="every")
    world.tick(1, "100")
    world.tick(2, "110")
    world.change(alert, alert_type="range_exit", upper="120")
    world.tick(3, "121")
    newest, oldest = history(world, alert)
    assert (oldest.version, oldest.alert_type, oldest.threshold, oldest.upper) == (
        1,
        "above",
        105,
        None,
    )
    assert (newest.version, newest.alert_type, newest.threshold, newest.upper) == (
        2,
        "range_exit",
        105,
        120,
    )


def test_ticks_that_are_not_kept_any_more_are_null_and_nothing_else_is_lost(
    world: World,
) -> None:
    world.create("above", "105")
    world.create("trailing", None, trail_percent="5")
    for sequence, price in enumerate(["100", "110", "104"], start=1):
        world.tick(sequence, price)
    world.sql("DELETE FROM ticks RETURNING 1")
    trailing, above = history(world)
    for trigger in (trailing, above):
        assert (trigger.tick, trigger.tick_before) == (None, None)
    assert above.reason == (
        "Gold rose from 100.00 to 110.00 USD per troy ounce "
        "and so reached your threshold of 105 USD."
    )
    assert trailing.reference is not None
    assert (trailing.reference.price, trailing.reference.tick) == (110, None)
    assert trailing.price == 104
    assert trailing.price_before is None
    assert "below its peak of 110.00 USD, and so reached the 5% that you set" in trailing.reason


def test_a_page_of_the_history_needs_two_statements(world: World) -> None:
    for _ in range(5):
        world.create("above", "105")
    world.tick(1, "100")
    world.tick(2, "110")
    statements = 0

    def count(*_: object) -> None:
        nonlocal statements
        statements += 1

    event.listen(world.engine, "before_cursor_execute", count)
    try:
        assert len(history(world)) == 5
    finally:
        event.remove(world.engine, "before_cursor_execute", count)
    assert statements == 2


@pytest.mark.parametrize("price_before", [Decimal("4379.91"), None], ids=["move", "at-once"])
def test_a_trigger_of_before_every_condition_is_still_explained(
    first_version: Callable[..., FirstVersion], price_before: Decimal | None
) -> None:
    database = first_version("alert_service")
    ada, tick = new_id(), tick_facts(sequence=7, slot=NOON + timedelta(minutes=5))
    insert_old_trigger(database, ada, tick.tick_id, tick.model_dump_json(), price_before)
    database.upgrade()
    [trigger] = list_triggers(
        UnitOfWork(database.engine, Repository),
        user_id=ada,
        alert_id=None,
        limit=20,
        cursor=None,
    ).items
    assert (trigger.version, trigger.alert_type, trigger.threshold) == (1, "above", Decimal("4380"))
    assert trigger.tick is not None
    assert trigger.tick.price_per_troy_ounce == Decimal("4389.38")
    assert (trigger.tick_before, trigger.price_before) == (None, price_before)
    begin = "Gold stood at" if price_before is None else "Gold rose from 4379.91 to"
    assert trigger.reason.startswith(f"{begin} 4389.38 USD per troy ounce")


def insert_old_trigger(
    database: FirstVersion,
    user_id: UUID,
    tick_id: UUID,
    facts: str,
    price_before: Decimal | None,
) -> None:
    with database.engine.begin() as connection:
        for statement in (
            "INSERT INTO alerts (id, user_id, alert_type, threshold, currency, unit, karat, "
            "if_already_true, channels, state, created_at, updated_at) VALUES (:user_id, :user_id, "
            "'above', 4380, 'USD', 'troy_ounce', 24, 'fire', '{email}', 'triggered', now(), now())",
            "INSERT INTO ticks (sequence, tick_id, series_values, facts, correlation_id) VALUES "
            "(7, :tick_id, '{\"price\\:USD\": \"4389.38\"}', CAST(:facts AS jsonb), 'c')",
            "INSERT INTO alert_history (id, alert_id, user_id, tick_id, triggered_at, value, "
            "price_before, price_after, alert_type, threshold, currency, unit, karat) VALUES "
            "(:user_id, :user_id, :user_id, :tick_id, now(), 4389.38, CAST(:before AS numeric), "
            "4389.38, 'above', 4380, 'USD', 'troy_ounce', 24)",
        ):
            connection.execute(
                text(statement),
                {"user_id": user_id, "tick_id": tick_id, "facts": facts, "before": price_before},
            )
