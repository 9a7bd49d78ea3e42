"""The schedule that applies what was left, through its Lambda handler."""

from decimal import Decimal

import pytest

from alert_service.bootstrap import Services
from alert_service.handlers import scheduled_apply_ticks
from goldalert.ids import new_id
from goldalert.messaging.consumer import OutOfTimeError
from tests.support.invocations import Context

from .conftest import World, make_tick

EVENT = {"id": "7bf73129-1428-4cd3-a780-95db273d1602", "time": "2026-08-18T16:00:00Z"}


@pytest.fixture
def world(services: Services, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(scheduled_apply_ticks, "services", lambda: services)
    return World(services.engine)


def leave_a_tick(world: World) -> None:
    """Store a tick whose worker runs out of time before it applies anything."""
    with pytest.raises(OutOfTimeError):
        world.deliver(make_tick(2, {"USD": Decimal(110)}), has_time=lambda: False)


def test_a_tick_that_was_left_is_applied(world: World) -> None:
    alert = world.create()
    world.tick(1, "90")
    leave_a_tick(world)
    assert world.fired() == []

    scheduled_apply_ticks.lambda_handler(EVENT, Context())

    assert world.fired() == world.told() == [(alert.id, 2)]
    assert world.published()[0].correlation_id == "tick-00000002"


def test_a_series_that_a_worker_is_at_is_left_to_it(world: World) -> None:
    world.create()
    world.tick(1, "90")
    leave_a_tick(world)
    world.sql(
        "UPDATE series SET leased_by = :worker, leased_until = now() + interval '1 minute' "
        "RETURNING 1",
        worker=new_id(),
    )

    scheduled_apply_ticks.lambda_handler(EVENT, Context())

    assert world.fired() == []


def test_without_time_nothing_is_begun(world: World) -> None:
    world.create()
    world.tick(1, "90")
    leave_a_tick(world)
    context = Context()
    context.get_remaining_time_in_millis = lambda: 1_000

    scheduled_apply_ticks.lambda_handler(EVENT, context)

    assert world.fired() == []
