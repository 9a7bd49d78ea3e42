"""Back-tests on ticks in a database, and against what the engine did on the same ones."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from alert_service.domain.rules import Rule
from alert_service.errors import AlreadyTrueError
from alert_service.schemas import BacktestRequest, BacktestView
from alert_service.use_cases.backtest import MAX_TRIGGERS, backtest
from goldalert.db.engine import make_engine
from goldalert.errors import InvalidFieldError
from goldalert.events.prices import TickState
from goldalert.money import Currency
from goldalert.secrets import DatabaseSecret
from goldalert.units import Karat, Unit, price_in_unit
from tests.support.alerts import rules

from .conftest import NOON, World, make_tick

D = Decimal
SLOT = timedelta(minutes=5)
DAY = timedelta(days=1)


def run(world: World, alert_type: str = "above", days: int = 1, **fields: object) -> BacktestView:
    body = {"alert_type": alert_type, "days": days, **fields}
    return backtest(world.unit_of_work, world.clock, BacktestRequest.model_validate(body))


def drive(world: World, *prices: str, first: int = 1) -> None:
    """Deliver ticks of the slots from noon on; the clock is where the last of them is."""
    for sequence, price in enumerate(prices, start=first):
        world.clock.time = NOON + SLOT * sequence
        world.tick(sequence, price)


def deliver(
    world: World,
    sequence: int,
    slot: datetime,
    prices: Mapping[str, Decimal],
    state: TickState = "fresh",
) -> None:
    event = make_tick(sequence, prices, state)
    tick = event.data.tick.model_copy(update={"slot": slot})
    world.deliver(event.model_copy(update={"data": event.data.model_copy(update={"tick": tick})}))


def test_a_backtest_says_when_an_alert_would_have_fired_and_stores_nothing(world: World) -> None:
    drive(world, "100", "99", "101", "99.9", "101", "99", "100.5")
    before = count_rows(world)
    result = run(world, threshold="100", repeat="every", hysteresis_percent="0.5")
    assert [(trigger.sequence, trigger.price) for trigger in result.triggers] == [
        (3, 101),
        (7, D("100.5")),
    ]
    assert result.triggers[0].slot == NOON + 3 * SLOT
    assert (result.triggers[0].direction, result.triggers[0].threshold) == ("up", 100)
    assert (result.count, result.ticks) == (2, 7)
    assert (result.suppressed.hysteresis, result.suppressed.cooldown) == (1, 0)
    assert (result.already_true, result.never_fires) == (False, False)
    assert (result.since, result.until) == (world.clock.time - DAY, world.clock.time)
    assert count_rows(world) == before


def count_rows(world: World) -> dict[str, int]:
    tables = ("alerts", "thresholds", "alert_history", "series", "ticks", "outbox", "inbox")
    return {table: world.sql(f"SELECT count(*) FROM {table}")[0][0] for table in tables}


def test_a_backtest_is_in_the_currency_unit_and_karat_of_the_alert(world: World) -> None:
    for sequence, euros in enumerate(("3000", "3393.10656"), start=1):
        world.deliver(make_tick(sequence, {"USD": D(1), "EUR": D(euros)}))
    world.clock.time = NOON + 2 * SLOT
    [trigger] = run(world, threshold="99.5", currency="EUR", unit="gram", karat=22).triggers
    assert (trigger.price, trigger.threshold) == (100, D("99.5"))


def test_only_ticks_of_the_days_that_were_asked_for_count(world: World) -> None:
    drive(world, "99", "101", "99", "101")
    world.clock.time = NOON + 2 * SLOT + DAY
    result = run(world, threshold="100", repeat="every", hysteresis_percent="0")
    assert ([trigger.sequence for trigger in result.triggers], result.ticks) == ([4], 2)
    assert result.already_true
    assert run(world, threshold="100", repeat="every", hysteresis_percent="0", days=2).count == 2


def test_ticks_that_may_not_trigger_are_no_part_of_it(world: World) -> None:
    states: list[TickState] = ["fresh", "held", "stale", "closed", "unknown", "reduced"]
    for sequence, state in enumerate(states, start=1):
        world.tick(sequence, "101" if sequence > 1 else "99", state)
    world.clock.time = NOON + 6 * SLOT
    result = run(world, threshold="100")
    assert ([trigger.sequence for trigger in result.triggers], result.ticks) == ([6], 2)


def test_the_last_triggers_are_shown_and_all_are_counted(world: World) -> None:
    world.sql(
        "INSERT INTO ticks (sequence, tick_id, slot, may_trigger, prices, rates, facts, "
        "correlation_id) SELECT n, gen_random_uuid(), CAST(:noon AS timestamptz) "
        "+ n * interval '10 seconds', true, jsonb_build_object('USD', 99 + 2 * mod(n, 2)), '{}', "
        "'{}', 'none' FROM generate_series(0, 2 * :last + 1) AS n RETURNING 1",
        noon=NOON,
        last=MAX_TRIGGERS,
    )
    world.clock.time = NOON + DAY
    result = run(world, threshold="100", repeat="every", hysteresis_percent="0")
    assert result.count == MAX_TRIGGERS + 1
    assert len(result.triggers) == MAX_TRIGGERS
    assert result.triggers[0].sequence == 3
    assert result.triggers[-1].sequence == 2 * MAX_TRIGGERS + 1


def test_what_held_after_a_closed_market_is_known_when_the_alert_is_set(world: World) -> None:
    for sequence, (hours, price) in enumerate([(0, "100"), (1, "103"), (50, "103")], start=1):
        world.clock.time = NOON + timedelta(hours=hours)
        deliver(world, sequence, world.clock.time, {"USD": D(price)})
    # a day ago the last tick was from long before, and 3 percent above the one an hour earlier
    result = run(world, "percent_change", threshold="2", window="1h", if_already_true="fire")
    assert [(one.sequence, one.value, one.direction) for one in result.triggers] == [(2, 3, None)]
    assert result.already_true


# --- warnings ----------------------------------------------------------------------------------


def warnings_of(result: BacktestView) -> list[str]:
    return [warning.code for warning in result.warnings]


def with_history(world: World, last: str) -> None:
    """Give the world an hour of prices, and a last one a day after the first."""
    drive(world, *["99"] * 12)
    world.clock.time = NOON + SLOT + DAY
    deliver(world, 13, world.clock.time, {"USD": D(last)})


def test_an_alert_that_expires_before_the_next_tick_never_fires(world: World) -> None:
    with_history(world, "99")
    next_slot = world.clock.time + SLOT
    result = run(world, threshold="100", expires_at=next_slot)
    assert (result.never_fires, warnings_of(result)) == (True, ["expires_too_soon"])
    assert f"{next_slot:%H:%M}" in result.warnings[0].detail
    result = run(world, threshold="100", expires_at=next_slot + timedelta(seconds=1))
    assert (result.never_fires, warnings_of(result)) == (False, [])


def test_an_alert_that_fires_at_once_may_expire_before_the_next_tick(world: World) -> None:
    with_history(world, "101")
    expires_at = world.clock.time + timedelta(seconds=1)
    for wish, never_fires in [("fire", False), ("wait", True)]:
        result = run(world, threshold="100", expires_at=expires_at, if_already_true=wish)
        assert result.never_fires is never_fires


def test_an_alert_that_expires_before_its_mean_is_known_never_fires(world: World) -> None:
    with_history(world, "99")
    last = world.clock.time
    soon = run(world, "sma_cross", period=15, expires_at=last + 3 * SLOT)
    later = run(world, "sma_cross", period=15, expires_at=last + 4 * SLOT)
    assert (soon.never_fires, later.never_fires) == (True, False)
    assert warnings_of(soon) == ["expires_too_soon", "no_history"]


@pytest.mark.parametrize(
    ("wish", "warnings"), [("fire", []), ("wait", ["waits_now"]), ("reject", ["refused_now"])]
)
def test_a_condition_that_holds_now_is_pointed_out(
    world: World, wish: str, warnings: list[str]
) -> None:
    with_history(world, "101")
    result = run(world, threshold="100", if_already_true=wish)
    assert (warnings_of(result), result.count) == (warnings, 1)


def test_a_history_that_is_too_short_is_pointed_out(world: World) -> None:
    assert warnings_of(run(world, threshold="100")) == ["no_history"]
    drive(world, "99", "99")
    result = run(world, threshold="100")
    assert warnings_of(result) == ["short_history"]
    assert "2026-11-24 12:05 UTC" in result.warnings[0].detail
    assert warnings_of(run(world, threshold="100", currency="EUR")) == ["no_history"]


def test_a_rule_without_sense_is_refused_as_that_of_an_alert(world: World) -> None:
    for fields, named in [
        ({"threshold": "0"}, "threshold"),
        ({"threshold": "100", "upper": "110"}, "upper"),
        ({"alert_type": "percent_change", "threshold": "2"}, "window"),
        ({"threshold": "100", "expires_at": world.clock.time}, "expires_at"),
    ]:
        with pytest.raises(InvalidFieldError) as refused:
            run(world, **fields)  # type: ignore[arg-type] # bodies
        assert refused.value.field == named


# --- the engine ----------------------------------------------------------------------------------

STEP = timedelta(minutes=40)
BEFORE = 40
"""Ticks before the alerts are set: more than a day of them, for the longest window."""


def test_a_backtest_says_exactly_what_the_engine_did(
    database: Callable[[str], DatabaseSecret],
) -> None:
    """Tick for tick, for random rules of every condition on random ticks."""
    engine = make_engine(database("alert_service"))
    world = World(engine)

    @settings(
        max_examples=4,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(st.data())
    def compare(data: DataObject) -> None:
        for table in ("alerts", "ticks", "series", "skipped_ticks", "outbox", "inbox"):
            world.sql(f"WITH gone AS (DELETE FROM {table}) SELECT 1")
        walk(world, data, range(1, BEFORE + 1))
        world.clock.time += data.draw(st.sampled_from([timedelta(0), STEP / 2]))
        some = data.draw(st.lists(rules(), min_size=20, max_size=30), label="rules")
        some = [data.draw(measured_otherwise(rule)) for rule in some]
        alerts = {set_alert(world, rule): rule for rule in some}
        since = world.clock.time
        walk(world, data, range(BEFORE + 1, BEFORE + 34))
        world.clock.time = since + DAY
        told = triggers_of(world)
        for alert_id, rule in alerts.items():
            assert backtested(world, rule) == told.get(alert_id, []), rule

    compare()
    engine.dispose()


def walk(world: World, data: DataObject, sequences: range) -> None:
    """Deliver a tick for each sequence and let time pass, sometimes with the schedule's run."""
    prices = data.draw(
        st.lists(st.integers(90, 110), min_size=len(sequences), max_size=len(sequences))
    )
    kinds = data.draw(
        st.lists(
            st.sampled_from(["fresh", "fresh", "fresh", "reduced", "held", "no euros"]),
            min_size=len(sequences),
            max_size=len(sequences),
        )
    )
    for sequence, price, kind in zip(sequences, prices, kinds, strict=True):
        prices_of = {"USD": D(price)}
        if kind != "no euros":
            prices_of["EUR"] = D(price) * D("0.9")
        world.clock.time = NOON + STEP * sequence
        if sequence % 3 == 0:
            world.rearm()
        state: Any = "fresh" if kind == "no euros" else kind
        deliver(world, sequence, world.clock.time, prices_of, state)


def measured_otherwise(rule: Rule) -> st.SearchStrategy[Rule]:
    """Draw a rule about the same prices, in some currency, unit and karat."""

    def convert(currency: Currency, unit: Unit, karat: Karat) -> Rule:
        def price(dollars: Decimal | None) -> Decimal | None:
            if dollars is None or rule.alert_type == "percent_change":
                return dollars
            amount = dollars * (D("0.9") if currency is Currency.EUR else 1)
            return price_in_unit(amount, unit, karat).quantize(D("1e-6"))

        return replace(
            rule,
            threshold=price(rule.threshold),
            upper=price(rule.upper),
            currency=currency,
            unit=unit,
            karat=karat,
        )

    return st.builds(
        convert,
        st.sampled_from([Currency.USD, Currency.EUR]),
        st.sampled_from([Unit.TROY_OUNCE, Unit.TROY_OUNCE, Unit.GRAM, Unit.TOLA]),
        st.sampled_from([Karat.K24, Karat.K24, Karat.K22]),
    )


def body_of(rule: Rule) -> dict[str, Any]:
    return {
        name: str(value) if isinstance(value, Decimal) else value
        for name, value in asdict(rule).items()
    }


def set_alert(world: World, rule: Rule) -> UUID:
    """Set an alert; one that is refused waits, as in a back-test."""
    try:
        return world.create(**body_of(rule)).id
    except AlreadyTrueError:
        return world.create(**{**body_of(rule), "if_already_true": "wait"}).id


def triggers_of(world: World) -> dict[UUID, list[tuple[object, ...]]]:
    """Return what was published of each alert."""
    told: dict[UUID, list[tuple[object, ...]]] = {}
    for event in world.published():
        tick = event.data.tick
        for trigger in event.data.triggers:
            told.setdefault(trigger.alert_id, []).append(
                (
                    tick.sequence,
                    tick.slot,
                    trigger.direction,
                    trigger.price,
                    trigger.threshold,
                    trigger.change_percent,
                    trigger.reference,
                )
            )
    return told


def backtested(world: World, rule: Rule) -> list[tuple[object, ...]]:
    result = run(world, **body_of(rule))
    assert result.count == len(result.triggers)
    return [
        (
            trigger.sequence,
            trigger.slot,
            trigger.direction,
            trigger.price,
            trigger.threshold,
            trigger.value,
            trigger.reference,
        )
        for trigger in result.triggers
    ]
