"""Every condition, driven by ticks on a real database."""

from datetime import timedelta
from decimal import Decimal

import pytest

from goldalert.ids import new_id

from .conftest import NOON, World, make_tick


def drive(world: World, *prices: str, first: int = 1) -> None:
    for sequence, price in enumerate(prices, start=first):
        world.clock.time = NOON + timedelta(minutes=5 * sequence)
        world.tick(sequence, price)


def fired_at(world: World) -> list[int]:
    assert world.fired() == world.told()
    return [sequence for _, sequence in world.fired()]


@pytest.mark.parametrize(
    ("alert_type", "fields", "prices", "expected"),
    [
        ("crosses_up", {"threshold": "100"}, ["101", "99", "100"], [3]),
        ("crosses_down", {"threshold": "100"}, ["99", "101", "100"], [3]),
        ("crosses", {"threshold": "100"}, ["99", "101"], [2]),
        ("crosses", {"threshold": "100"}, ["101", "99"], [2]),
        ("range_enter", {"threshold": "100", "upper": "110"}, ["90", "120", "105"], [3]),
        ("range_enter", {"threshold": "100", "upper": "110"}, ["105", "95", "115", "110"], [4]),
        ("range_exit", {"threshold": "100", "upper": "110"}, ["90", "120", "105", "90"], [4]),
        ("range_exit", {"threshold": "100", "upper": "110"}, ["105", "109", "110"], [3]),
        ("trailing", {"trail_percent": "5"}, ["100", "110", "105", "104.5"], [4]),
        ("sma_cross", {"period": 2}, ["100", "101", "102", "100"], [4]),
    ],
)
def test_a_condition_fires_when_it_becomes_true(
    world: World,
    alert_type: str,
    fields: dict[str, object],
    prices: list[str],
    expected: list[int],
) -> None:
    world.create(alert_type, **{"threshold": None, **fields})
    drive(world, *prices)
    assert fired_at(world) == expected
    assert world.armed() == set()


def test_a_jump_across_a_range_leaves_it_armed(world: World) -> None:
    alert = world.create("range_enter", "100", upper="110")
    drive(world, "90", "120", "90", "120")
    assert fired_at(world) == []
    assert world.armed() == {alert.id}


@pytest.mark.parametrize(("threshold", "last"), [("2", "102"), ("-2", "98")])
def test_a_change_is_measured_against_the_last_tick_at_or_before_the_window(
    world: World, threshold: str, last: str
) -> None:
    alert = world.create("percent_change", threshold, window="1h")
    # the second tick is an hour before the fourteenth
    drive(world, "99", "100", *["100.5"] * 11, last)
    assert fired_at(world) == [14]
    [event] = world.published()
    [trigger] = event.data.triggers
    assert trigger.alert_id == alert.id
    assert (trigger.reference, trigger.change_percent) == (Decimal(100), Decimal(threshold))


def test_a_price_that_hovers_at_the_level_triggers_once(world: World) -> None:
    world.create("above", "100", repeat="every", hysteresis_percent="1")
    drive(world, "98", "100", "99.5", "100.5", "99.01", "101", "99", "99.9", "100")
    # 99 is the end of the band: armed again there, fired at the next 100
    assert fired_at(world) == [2, 9]


def test_a_jump_beyond_the_band_needs_no_rearming(world: World) -> None:
    alert = world.create("crosses", "100", repeat="every", hysteresis_percent="1")
    drive(world, "90", "110", "90", "100.5", "99.5")
    assert fired_at(world) == [2, 3, 4]
    assert world.get(alert).state == "cooling"


def test_a_cooldown_ends_with_the_slot_of_a_tick(world: World) -> None:
    alert = world.create(
        "above", "100", repeat="every", cooldown_minutes=15, hysteresis_percent="0"
    )
    drive(world, "90", "100", "90", "100")
    assert fired_at(world) == [2]
    assert world.get(alert).state == "cooling"
    assert world.armed() == set()
    # over at the slot of tick 5, before which the price is above: it waits for the band
    drive(world, "100", "90", "100", first=5)
    assert fired_at(world) == [2, 7]


def test_the_schedule_ends_a_cooldown_without_any_tick(world: World) -> None:
    alert = world.create("above", "100", repeat="every", cooldown_minutes=10)
    drive(world, "90", "100", "90")
    world.clock.time += timedelta(minutes=4, seconds=59)
    world.rearm()
    assert world.get(alert).state == "cooling"
    world.clock.time += timedelta(seconds=1)
    world.rearm()
    assert world.get(alert).state == "armed"
    drive(world, "100", first=4)
    assert fired_at(world) == [2, 4]


def test_peaks_count_from_the_tick_that_the_alert_was_set_at(world: World) -> None:
    old = world.create("trailing", None, trail_percent="10")
    drive(world, "100", "90.5")
    new = world.create("trailing", None, trail_percent="10")
    drive(world, "90", "82", "81.45", first=3)
    assert world.fired() == [(old.id, 3), (new.id, 5)]


def test_a_new_high_joins_peaks_and_the_alerts_go_on_alike(world: World) -> None:
    drive(world, "100")
    first = world.create("trailing", None, trail_percent="10")
    drive(world, "98", first=2)
    second = world.create("trailing", None, trail_percent="10")
    third = world.create("trailing", None, trail_percent="20")
    world.rearm()
    trailing = "SELECT name FROM series WHERE name LIKE '%trailing%'"
    assert len(world.sql(trailing)) == 2
    drive(world, "110", first=3)
    world.rearm()
    [row] = world.sql(trailing)
    assert row.name == "price:USD:trailing:2"
    drive(world, "99", "88", first=4)
    assert (
        world.fired()
        == world.told()
        == sorted(
            [(first.id, 4), (second.id, 4), (third.id, 5)], key=lambda pair: (pair[1], pair[0])
        )
    )
    world.rearm()
    assert world.sql(trailing) == []


def test_an_expired_alert_is_disarmed_when_no_tick_from_before_can_come(world: World) -> None:
    alert = world.create(expires_at=(NOON + timedelta(minutes=1)).isoformat())
    drive(world, "90")
    world.clock.time = NOON + timedelta(minutes=15, seconds=59)
    world.rearm()
    assert world.armed() == {alert.id}
    assert world.get(alert).state == "expired"
    world.clock.time = NOON + timedelta(minutes=16)
    world.rearm()
    assert world.armed() == set()
    assert world.sql("SELECT state FROM alerts")[0].state == "expired"


def test_a_series_that_is_made_for_an_alert_stands_where_it_would_have_been(world: World) -> None:
    drive(world, "100", *["100.5"] * 11, "101")
    world.create("percent_change", "5", window="1h")
    world.create("sma_cross", None, period=3)
    change, mean = world.series("price:USD:change:1h"), world.series("price:USD:sma:3")
    assert (change.value, change.reference, change.reference_sequence) == (1, 100, 1)
    assert mean.reference == Decimal("100.666666666667")
    assert mean.applied_sequence == change.applied_sequence == 13


def test_a_tick_moves_every_series_that_follows_from_it(world: World) -> None:
    world.create("sma_cross", None, period=2)
    world.create("trailing", None, trail_percent="50")
    drive(world, "100", "90")
    assert world.series("price:USD:sma:2").value == Decimal("-5.263157894737")
    assert world.series("price:USD:trailing:0").value == 10
    world.deliver(make_tick(3, {"USD": Decimal(80)}, "held"))
    assert world.series("price:USD:trailing:0").value == 10
    assert world.series("price:USD:trailing:0").applied_sequence == 3


@pytest.mark.parametrize(
    ("alert_type", "before", "after"), [("above", "90", "110"), ("crosses_down", "110", "90")]
)
def test_what_the_database_fires_alone_is_told_and_kept_as_what_is_judged(
    world: World, alert_type: str, before: str, after: str
) -> None:
    fields = {"threshold": "3.10", "unit": "gram", "karat": 22, "note": 'a "note" ü\n'}
    once = world.create(alert_type, channels=["in_app"], **fields)
    judged = world.create(alert_type, channels=["in_app"], **fields)
    assert {row.kind for row in world.sql("SELECT kind FROM thresholds")} == {"once"}
    world.sql(
        "UPDATE thresholds SET kind = 'condition' WHERE alert_id = :id RETURNING 1", id=judged.id
    )
    drive(world, before, after)

    told = {
        trigger.alert_id: trigger.model_dump(exclude={"alert_id", "trigger_id"})
        for event in world.published()
        for trigger in event.data.triggers
    }
    assert told[once.id] == told[judged.id]
    kept = {
        row.alert_id: {**row._mapping, "id": None, "alert_id": None, "triggered_at": None}
        for row in world.sql("SELECT * FROM alert_history")
    }
    assert kept[once.id] == kept[judged.id]
    ids = [trigger.trigger_id for e in world.published() for trigger in e.data.triggers]
    assert {trigger_id.version for trigger_id in ids} == {7}
    apart_ms = [abs((new_id().int >> 80) - (trigger_id.int >> 80)) for trigger_id in ids]
    assert max(apart_ms) < 60_000


def test_an_expired_alert_that_needs_no_judging_does_not_fire(world: World) -> None:
    alert = world.create(expires_at=(NOON + timedelta(minutes=10)).isoformat())
    drive(world, "90", "110")
    assert fired_at(world) == []
    assert world.sql("SELECT state FROM alerts")[0].state == "expired"
    assert world.armed() == set(), alert
