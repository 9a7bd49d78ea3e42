"""The health of a service from that of its parts."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from goldalert.http import health
from goldalert.http.health import Status, check_health, health_response


def well() -> None:
    return None


def away() -> None:
    raise ConnectionError


@pytest.fixture
def stuck() -> Iterator[Callable[[], object]]:
    release = threading.Event()
    yield lambda: release.wait(timeout=30)
    release.set()


@pytest.mark.parametrize(
    ("database", "redis", "status"),
    [
        (well, well, "ok"),
        (well, away, "degraded"),
        (away, well, "down"),
        (away, away, "down"),
    ],
)
def test_only_an_essential_part_takes_the_service_down(
    database: Callable[[], None], redis: Callable[[], None], status: Status
) -> None:
    view = check_health("alert", essential={"database": database}, optional={"redis": redis})
    assert view.status == status
    assert view.checks == {
        "database": "ok" if database is well else "down",
        "redis": "ok" if redis is well else "down",
    }
    assert health_response(view).status_code == (503 if status == "down" else 200)


def test_stuck_parts_cost_one_deadline_in_all(
    stuck: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_DEADLINE_SECONDS", 0.5)
    began = time.monotonic()
    view = check_health("alert", essential={"a": well}, optional=dict.fromkeys("bcdef", stuck))
    assert time.monotonic() - began < 2
    assert (view.status, view.checks["a"], view.checks["f"]) == ("degraded", "ok", "down")


def test_a_service_without_parts_is_ok() -> None:
    assert check_health("edge", essential={}, optional={}).status == "ok"
