"""The schedule that goes on with alerts as time passes, through its Lambda handler."""

from datetime import timedelta

import pytest

from alert_service.bootstrap import Services
from alert_service.config import GAP_DEADLINE
from alert_service.handlers import scheduled_rearm
from tests.support.invocations import Context

from .conftest import MovableClock, World

EVENT = {"id": "7bf73129-1428-4cd3-a780-95db273d1602", "time": "2026-08-18T16:00:00Z"}


@pytest.fixture
def world(services: Services, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(scheduled_rearm, "services", lambda: services)
    services.clock = clock = MovableClock()
    return World(services.engine, clock)


def test_a_snooze_ends_an_expired_alert_is_disarmed_and_an_idle_series_goes(world: World) -> None:
    world.tick(1, "90")
    snoozed, expiring = world.create(), world.create(expires_at=world.clock.time + timedelta(1))
    trailing = world.create("trailing", None, trail_percent="5")
    world.snooze(snoozed, world.clock.time + timedelta(1))
    world.delete(trailing)
    world.clock.time += timedelta(1) + GAP_DEADLINE

    scheduled_rearm.lambda_handler(EVENT, Context())

    assert [world.get(snoozed).state, world.get(expiring).state] == ["armed", "expired"]
    assert world.armed() == {snoozed.id}
    assert [row.name for row in world.sql("SELECT name FROM series")] == ["price:USD"]


def test_without_time_no_alert_goes_on(world: World) -> None:
    alert = world.create()
    world.snooze(alert, world.clock.time + timedelta(1))
    world.clock.time += timedelta(1)
    context = Context()
    context.get_remaining_time_in_millis = lambda: 1_000

    scheduled_rearm.lambda_handler(EVENT, context)

    assert world.get(alert).state == "snoozed"
