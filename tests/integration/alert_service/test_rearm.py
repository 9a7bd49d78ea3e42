"""The ends of snoozes and cooldowns: of many alerts at once, by racing workers, behind gaps."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, event

from alert_service.use_cases import rearm

from .conftest import NOON, World
from .test_conditions import drive


def test_a_tick_waits_until_another_worker_has_armed_all_that_have_rested(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than a chunk of them: the tick goes on with those that the other has not come to."""
    monkeypatch.setattr(rearm, "CHUNK_ROWS", 2)
    alerts = [
        world.create("above", "100", repeat="every", cooldown_minutes=10, hysteresis_percent="0").id
        for _ in range(6)
    ]
    drive(world, "90", "101", "90")
    other = World(create_engine(world.engine.url), world.clock)
    has_begun, is_waited_for = threading.Event(), threading.Event()

    def wait(_: object, __: object, statement: str, *___: object) -> None:
        if "INTO thresholds" in statement and not has_begun.is_set():
            has_begun.set()
            assert is_waited_for.wait(timeout=30)

    event.listen(other.engine, "before_cursor_execute", wait)
    with ThreadPoolExecutor(2) as pool:
        rearming = pool.submit(
            rearm.rearm_due_alerts,
            other.unit_of_work,
            other.cache,
            other.clock,
            lambda: not has_begun.is_set(),
            at=NOON + timedelta(minutes=20),
        )
        assert has_begun.wait(timeout=30)
        ticking = pool.submit(drive, world, "101", first=4)
        wait_until_blocked(world)
        is_waited_for.set()
        rearming.result(timeout=30)
        ticking.result(timeout=30)
    other.engine.dispose()
    assert {alert for alert, sequence in world.fired() if sequence == 4} == set(alerts)


def wait_until_blocked(world: World) -> None:
    deadline = time.monotonic() + 10
    while not world.sql("SELECT 1 FROM pg_locks WHERE NOT granted"):
        assert time.monotonic() < deadline


def peaks_read(world: World) -> list[Any]:
    """Return a list that grows with each statement that reads the ticks for a peak."""
    read: list[Any] = []

    def look(_: object, __: object, statement: str, *___: object) -> None:
        if "OVER later" in statement:
            read.append(statement)

    event.listen(world.engine, "before_cursor_execute", look)
    return read


def test_alerts_with_peaks_of_many_ages_go_on_with_one_look_at_the_past(world: World) -> None:
    drive(world, "100")
    alerts = []
    for sequence in range(2, 8):
        alerts.append(
            world.create(
                "trailing",
                None,
                trail_percent="10",
                repeat="every",
                cooldown_minutes=5,
                hysteresis_percent="1",
            ).id
        )
        drive(world, "100" if sequence < 7 else "110", first=sequence)
    drive(world, "99", first=8)
    assert {alert for alert, _ in world.fired()} == set(alerts)
    world.rearm()
    assert not world.sql("SELECT 1 FROM series WHERE name LIKE '%trailing%'")

    read = peaks_read(world)
    drive(world, "99", first=9)

    assert len(read) == 1
    [row] = world.sql("SELECT * FROM series WHERE name LIKE '%trailing%'")
    assert (row.name, row.reference, row.reference_sequence) == ("price:USD:trailing:7", 110, 7)
    drive(world, "105", "99", first=10)
    assert {alert for alert, sequence in world.fired() if sequence == 11} == set(alerts)


def test_a_peak_that_is_made_again_counts_from_its_own_tick(world: World) -> None:
    """Equal prices are the peak of the first of them; what comes before it says nothing."""
    drive(world, "120")
    first = world.create("trailing", None, trail_percent="5")
    drive(world, "100", first=2)
    assert world.fired() == [(first.id, 2)]
    second = world.create("trailing", None, trail_percent="5")
    drive(world, "98", "110", "109", "110", "108", first=3)
    world.pause(second)
    world.rearm()
    world.resume(second)
    [row] = world.sql("SELECT * FROM series WHERE name LIKE '%trailing%'")
    assert (row.name, row.reference_sequence) == ("price:USD:trailing:4", 4)


def test_peaks_of_one_price_at_two_ticks_stay_apart(world: World) -> None:
    """An alert's peak is not explained by a tick from before it."""
    drive(world, "200")
    world.create("trailing", None, trail_percent="20")
    drive(world, "190", first=2)
    new = world.create("trailing", None, trail_percent="20")
    drive(world, "200", first=3)
    world.rearm()
    drive(world, "150", first=4)
    [row] = world.sql(
        "SELECT reference_sequence FROM alert_history WHERE alert_id = :id", id=new.id
    )
    assert row.reference_sequence == 3


def test_a_snooze_is_not_over_for_a_tick_from_before_its_end(world: World) -> None:
    """The schedule leaves it to the tick that waits for a missing one."""
    alert = world.create("above", "100")
    drive(world, "90")
    world.snooze(alert, NOON + timedelta(minutes=12))
    drive(world, "90", first=3)
    world.rearm()
    assert world.get(alert).state == "snoozed"
    drive(world, "110", first=2)
    assert world.fired() == []
    assert world.get(alert).state == "armed"
