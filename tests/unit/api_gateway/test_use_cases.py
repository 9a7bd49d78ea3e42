"""The roll-up of all services' health."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from api_gateway.schemas import ServiceHealth
from api_gateway.use_cases import check_system
from goldalert.http.health import HealthView
from goldalert.observability.log import start_request

NAMES = [f"goldalert-local-{name}-service-api" for name in ("auth", "price", "user", "logging")]


@dataclass
class Services:
    """Answers for every service; `stuck` ones do not before `release` is set."""

    broken: set[str] = field(default_factory=set)
    stuck: set[str] = field(default_factory=set)
    together: threading.Barrier | None = None
    release: threading.Event = field(default_factory=threading.Event)
    correlation_ids: set[str] = field(default_factory=set)

    def health(self, function_name: str, service: str, correlation_id: str) -> HealthView:
        self.correlation_ids.add(correlation_id)
        if self.together:
            self.together.wait(timeout=5)
        if service in self.stuck:
            self.release.wait(timeout=30)
        if service in self.broken:
            raise ConnectionError(function_name)
        return HealthView(service=service, status="ok", checks={"database": "ok"})


@pytest.fixture
def services() -> Iterator[Services]:
    made = Services()
    yield made
    made.release.set()


def test_every_service_is_told_with_its_checks(services: Services) -> None:
    system = check_system(services, NAMES, deadline_seconds=5)
    assert system.status == "ok"
    assert system.services == {
        name: ServiceHealth(status="ok", checks={"database": "ok"})
        for name in ("auth", "price", "user", "logging")
    }


def test_all_are_asked_at_once(services: Services) -> None:
    services.together = threading.Barrier(len(NAMES))
    assert check_system(services, NAMES, deadline_seconds=5).status == "ok"


def test_stuck_services_cost_one_deadline_in_all(services: Services) -> None:
    services.stuck = {"user", "logging"}
    began = time.monotonic()
    system = check_system(services, NAMES, deadline_seconds=0.2)
    assert time.monotonic() - began < 2
    assert system.status == "degraded"
    assert {name for name, health in system.services.items() if health.status == "down"} == {
        "user",
        "logging",
    }


def test_a_service_that_fails_is_down(services: Services) -> None:
    services.broken = {"price"}
    system = check_system(services, NAMES, deadline_seconds=5)
    assert (system.status, system.services["price"]) == (
        "down",
        ServiceHealth(status="down", checks={}),
    )


def test_the_correlation_id_goes_along(services: Services) -> None:
    start_request("from-the-caller")
    check_system(services, NAMES, deadline_seconds=5)
    assert services.correlation_ids == {"from-the-caller"}
