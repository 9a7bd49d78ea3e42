"""A tick of every condition at once, to workers that die, race, or run out of time (R6, R8)."""

import os
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count

import pytest

from alert_service.use_cases import apply_ticks, rearm
from goldalert.db.engine import make_engine
from goldalert.events.prices import PriceUpdatedV1
from goldalert.messaging.consumer import OutOfTimeError
from goldalert.secrets import DatabaseSecret
from tests.support.alert_worker import BUSY, end, make_barrier, start_worker

from .conftest import World
from .machine import AlertMachine, Body, Drawn, model_tick

STRIDE = 1 if "PROOF_EXAMPLES" in os.environ else 7
"""Every so many statements; `make prove-alerts` tries each."""

CHUNK_ROWS = 2
HOUR = timedelta(hours=1)

BODIES: list[Body] = [
    {"alert_type": "above", "threshold": "103"},
    {"alert_type": "above", "threshold": "102", "repeat": "every"},
    {"alert_type": "above", "threshold": "101", "repeat": "every", "cooldown_minutes": 60},
    {"alert_type": "crosses", "threshold": "101", "repeat": "every", "hysteresis_percent": "1"},
    {"alert_type": "range_enter", "threshold": "101", "upper": "104", "unit": "troy_ounce"},
    {"alert_type": "range_enter", "threshold": "101", "upper": "102"},
    {"alert_type": "range_exit", "threshold": "98", "upper": "102", "repeat": "every"},
    {"alert_type": "below", "threshold": "98", "currency": "EUR"},
    {"alert_type": "crosses_down", "threshold": "99", "currency": "EUR", "repeat": "every"},
    {"alert_type": "percent_change", "threshold": "3", "window": "1h"},
    {"alert_type": "percent_change", "threshold": "-2", "window": "1h", "currency": "EUR"},
    {"alert_type": "trailing", "trail_percent": "3", "currency": "EUR", "repeat": "every"},
    {"alert_type": "sma_cross", "period": 3},
    {"alert_type": "above", "threshold": "104"},
]
CALM = {"USD": 100, "EUR": 100}
LEAP = {"USD": 103, "EUR": 97}


@pytest.fixture
def secret(database: Callable[[str], DatabaseSecret]) -> DatabaseSecret:
    return database("alert_service")


@pytest.fixture
def machine(secret: DatabaseSecret, monkeypatch: pytest.MonkeyPatch) -> Iterator[AlertMachine]:
    for module in (apply_ticks, rearm):
        monkeypatch.setattr(module, "CHUNK_ROWS", CHUNK_ROWS)
    engine = make_engine(secret)

    class Machine(AlertMachine):
        world = World(engine)

    yield Machine()
    engine.dispose()


def make_leap(machine: AlertMachine) -> PriceUpdatedV1:
    """Return the tick in which, after calm ones, most of the alerts fire."""
    machine.begin()
    for price in (CALM, {"USD": 99, "EUR": 100}, CALM, {"USD": 99, "EUR": 101}):
        event = machine.make(Drawn(price, "fresh", HOUR))
        machine.world.deliver(event)
        machine.model.store(model_tick(event))
        if machine.sequence == 3:
            machine.model.catch_up()
            for body in BODIES:
                machine.create(body, None)
    machine.settle()
    event = machine.make(Drawn(LEAP, "fresh", HOUR))
    machine.model.store(model_tick(event))
    return event


def check(machine: AlertMachine) -> None:
    """R6: missing and unexpected triggers both fail, in the history and in the events."""
    machine.settle()
    assert len(machine.model.triggers) == 12
    # and goes on from there
    event = machine.make(Drawn(CALM, "fresh", HOUR))
    machine.world.deliver(event)
    machine.model.store(model_tick(event))
    machine.settle()


def test_a_process_killed_at_a_statement_loses_and_doubles_nothing(
    machine: AlertMachine, secret: DatabaseSecret
) -> None:
    """R6"""
    killed = 0
    for step in count(1, STRIDE):
        event = make_leap(machine)
        message = event.to_message()
        worker = start_worker(secret, message, machine.now, kill_at=step, chunk_rows=CHUNK_ROWS)
        [code] = end([worker])
        machine.world.end_leases()
        if step % 2 and machine.world.sql("SELECT 1 FROM ticks WHERE sequence = 5"):
            machine.world.apply_due()
        else:
            machine.world.deliver(event)
        check(machine)
        if code == 0:
            break
        assert code == -signal.SIGKILL
        killed += 1
    assert killed * STRIDE > 60


def test_twenty_racing_processes_trigger_each_alert_once(
    machine: AlertMachine, secret: DatabaseSecret
) -> None:
    """R6"""
    event = make_leap(machine)
    start = make_barrier(20)
    codes = end(
        [
            start_worker(
                secret, event.to_message(), machine.now, chunk_rows=CHUNK_ROWS, start=start
            )
            for _ in range(20)
        ]
    )
    assert set(codes) <= {0, BUSY}
    assert 0 in codes
    check(machine)


def test_a_worker_out_of_time_at_any_point_is_finished_by_the_retry(machine: AlertMachine) -> None:
    """R8"""
    for left in count(0, STRIDE):
        event = make_leap(machine)
        answers = iter([True] * left)
        try:
            machine.world.deliver(event, has_time=lambda answers=answers: next(answers, False))
        except OutOfTimeError:
            machine.world.deliver(event)
            check(machine)
        else:
            break
    check(machine)
    assert left > 7
