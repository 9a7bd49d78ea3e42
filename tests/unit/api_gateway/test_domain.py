"""How the whole is, from how its services are."""

import pytest

from api_gateway.domain import overall, service_of
from goldalert.http.health import Status


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "ok"),
        ({"logging": "degraded"}, "degraded"),
        ({"auth": "degraded"}, "degraded"),
        ({"logging": "down", "user": "down"}, "degraded"),
        ({"auth": "down"}, "down"),
        ({"price": "down"}, "down"),
        ({"alert": "down"}, "down"),
        ({"email": "down", "user": "degraded"}, "down"),
    ],
)
def test_only_the_main_job_takes_the_whole_down(
    changed: dict[str, Status], expected: Status
) -> None:
    names = ("auth", "user", "price", "alert", "email", "notification", "admin", "logging")
    assert overall({**dict.fromkeys(names, "ok"), **changed}) == expected


@pytest.mark.parametrize("stage", ["local", "prod"])
@pytest.mark.parametrize("service", ["auth", "notification"])
def test_a_functions_name_says_its_service(stage: str, service: str) -> None:
    assert service_of(f"goldalert-{stage}-{service}-service-api") == service
