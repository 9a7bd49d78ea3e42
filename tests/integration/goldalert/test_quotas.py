"""The requests that one caller may send to a service, counted in a real Redis and without one."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from goldalert.cache.client import RedisDatabase
from goldalert.errors import RateLimitedError
from goldalert.http.api import make_resolver, serve
from goldalert.ids import new_id
from goldalert.rate_limiting import RateLimiter
from goldalert.settings import HttpSettings
from tests.support.invocations import Context

APP = "https://app.example"
AWAY = "redis://127.0.0.1:1/0"


@dataclass
class Services:
    rate_limiter: RateLimiter
    settings: HttpSettings


class Service:
    """An API function that takes three requests a minute of a user, two of a network."""

    def __init__(self, redis_url: str) -> None:
        app = make_resolver()

        @app.get("/thing")
        def thing() -> dict[str, str]:
            return {}

        @app.get("/thing/health")
        def health() -> dict[str, str]:
            return {}

        @app.get("/thing/token")
        def token() -> dict[str, str]:
            return {}

        @app.get("/thing/guarded")
        def guarded() -> None:
            raise RateLimitedError("Too many passwords.", retry_after=77)

        settings = HttpSettings(
            allowed_origins=APP, user_requests_per_minute=3, network_requests_per_minute=2
        )
        services = Services(RateLimiter(RedisDatabase(redis_url)), settings)
        self._handler = serve(app, lambda: services, uncounted=["/thing/token"])

    def get(
        self,
        path: str = "/thing",
        *,
        method: str = "GET",
        user_id: UUID | None = None,
        source: str = "192.0.2.1",
    ) -> tuple[int, dict[str, str], dict[str, Any]]:
        answer = self._handler(
            {
                "httpMethod": method,
                "path": path,
                "resource": path,
                "headers": {"Origin": APP, "X-Forwarded-For": str(new_id())},
                "body": None,
                "requestContext": {
                    "requestId": "gateway-request",
                    "identity": {"sourceIp": source},
                    "authorizer": {"user_id": str(user_id)} if user_id else None,
                },
            },
            Context(),  # type: ignore[arg-type]
        )
        headers = {name: values[0] for name, values in answer["multiValueHeaders"].items()}
        return answer["statusCode"], headers, json.loads(answer["body"] or "{}")


@pytest.fixture(params=["redis", "memory"])
def service(request: pytest.FixtureRequest, redis_url: Callable[[int], str]) -> Service:
    return Service(redis_url(0) if request.param == "redis" else AWAY)


def statuses(service: Service, times: int, **request: Any) -> list[int]:
    return [service.get(**request)[0] for _ in range(times)]


def test_each_answer_says_what_is_left(service: Service) -> None:
    user_id = new_id()
    for left in (2, 1, 0):
        status, headers, _ = service.get(user_id=user_id)
        assert status == 200
        assert headers["RateLimit-Limit"] == "3"
        assert headers["RateLimit-Policy"] == "3;w=60"
        assert headers["RateLimit-Remaining"] == str(left)
        assert 0 < int(headers["RateLimit-Reset"]) <= 60


def test_who_asks_too_often_is_told_when_to_come_back(service: Service) -> None:
    user_id = new_id()
    assert statuses(service, 3, user_id=user_id) == [200] * 3
    status, headers, problem = service.get(user_id=user_id)
    assert (status, problem["status"], problem["code"]) == (429, 429, "rate_limited")
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["Retry-After"] == headers["RateLimit-Reset"] != "0"
    assert headers["RateLimit-Remaining"] == "0"
    # S14: a page can read that, and when to come back
    assert headers["Access-Control-Allow-Origin"] == APP
    assert "Strict-Transport-Security" in headers


def test_users_are_counted_apart_wherever_they_are(service: Service) -> None:
    ada, bob = new_id(), new_id()
    assert statuses(service, 4, user_id=ada) == [200, 200, 200, 429]
    assert service.get(user_id=ada, source="192.0.2.9")[0] == 429
    assert service.get(user_id=bob)[0] == 200


@pytest.mark.parametrize(
    ("source", "neighbour", "stranger"),
    [
        ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1"),
    ],
)
def test_who_is_not_signed_in_is_counted_with_their_network(
    service: Service, source: str, neighbour: str, stranger: str
) -> None:
    """S3. A header that the client makes up does not help."""
    assert statuses(service, 2, source=source) == [200, 200]
    assert service.get(source=neighbour)[0] == 429
    assert service.get(source=stranger)[0] == 200
    assert service.get(source=source, user_id=new_id())[0] == 200


def test_an_unknown_route_counts_and_health_and_preflights_do_not(service: Service) -> None:
    assert statuses(service, 5, path="/thing/health") == [200] * 5
    assert statuses(service, 5, method="OPTIONS") == [204] * 5
    assert statuses(service, 3, path="/thing/x/health/") == [404, 404, 429]


def test_nobody_is_signed_out_by_others_in_their_network(service: Service) -> None:
    """S3: a route that refreshes tokens answers, however much the network asked for."""
    assert statuses(service, 3) == [200, 200, 429]
    assert statuses(service, 5, path="/thing/token") == [200] * 5


def test_a_routes_own_limit_keeps_its_own_time(service: Service) -> None:
    status, headers, problem = service.get("/thing/guarded")
    assert (status, headers["Retry-After"]) == (429, "77")
    assert problem["detail"] == "Too many passwords."
    assert headers["RateLimit-Remaining"] == "1"


def test_processes_count_together(redis_url: Callable[[int], str]) -> None:
    url = redis_url(0)
    assert [Service(url).get()[0] for _ in range(3)] == [200, 200, 429]
