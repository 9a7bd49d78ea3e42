"""The health of a service."""

import threading
import time

import pytest

from goldalert.http import health
from goldalert.http.health import check_health, health_response


def fine() -> None:
    pass


def broken() -> None:
    raise ConnectionError("no answer from db-1.internal")


def test_all_is_well() -> None:
    view = check_health("alert", essential={"database": fine}, optional={"redis": fine})
    assert view.model_dump() == {
        "service": "alert",
        "status": "ok",
        "checks": {"database": "ok", "redis": "ok"},
    }
    assert health_response(view).status_code == 200


def test_without_an_optional_part_the_service_is_degraded_and_answers_200() -> None:
    view = check_health("alert", essential={"database": fine}, optional={"redis": broken})
    assert view.status == "degraded"
    assert health_response(view).status_code == 200


def test_without_an_essential_part_it_is_down_and_answers_503_without_inner_names() -> None:
    """S14."""
    view = check_health("alert", essential={"database": broken}, optional={"redis": broken})
    assert view.status == "down"
    assert health_response(view).status_code == 503
    assert "internal" not in view.model_dump_json()


def test_a_part_that_hangs_counts_as_down_and_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "_DEADLINE_SECONDS", 0.1)
    release = threading.Event()
    began = time.monotonic()
    view = check_health(
        "alert", essential={"database": release.wait}, optional={"redis": release.wait}
    )
    took = time.monotonic() - began
    release.set()
    assert view.status == "down"
    assert took < 1
