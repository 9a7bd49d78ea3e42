"""Circuits in a real Redis, as several processes share them."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aws_lambda_powertools.utilities.circuit_breaker import CircuitBreakerConfig
from redis import Redis

from goldalert.cache.client import RedisDatabase
from goldalert.circuit_breaker import BreakerStates
from goldalert.errors import UnavailableError
from goldalert.ids import new_id
from goldalert.internal import serve_internal
from goldalert.service_client import ServiceClient
from tests.support.lambda_endpoint import LambdaEndpoint, serve_lambda

# nothing is kept in the process, so that what Redis says shows at once; powertools counts whole
# seconds, so that two are more than one
BREAKER = CircuitBreakerConfig(
    failure_threshold=2, recovery_timeout=2, success_threshold=1, local_cache_max_age=0
)

ASK_ONCE = """
import sys
from goldalert.cache.client import RedisDatabase
from goldalert.errors import UnavailableError
from goldalert.circuit_breaker import BreakerStates
from goldalert.service_client import ServiceClient

url, name = sys.argv[1:]
states = BreakerStates(RedisDatabase(url))
try:
    ServiceClient(name, states, invoker=None).call("ping")
except UnavailableError as error:
    print("refused", error.retry_after)
"""


def ping() -> str:
    return "pong"


@pytest.fixture
def endpoint() -> LambdaEndpoint:
    return LambdaEndpoint(serve_internal(ping))


@pytest.fixture
def invoker(endpoint: LambdaEndpoint) -> Iterator[Any]:
    with serve_lambda(endpoint) as client:
        yield client


@pytest.fixture
def name() -> str:
    return f"goldalert-{new_id().hex}-alert-service-internal"


@pytest.fixture
def url(redis_url: Callable[[int], str]) -> str:
    return redis_url(1)


@pytest.fixture
def make_states(url: str) -> Iterator[Callable[[], BreakerStates]]:
    """What each process has of its own."""
    databases: list[RedisDatabase] = []

    def make() -> BreakerStates:
        databases.append(RedisDatabase(url))
        return BreakerStates(databases[-1])

    yield make
    for database in databases:
        database.client.close()


@pytest.fixture
def make_client(
    make_states: Callable[[], BreakerStates], invoker: Any, name: str
) -> Callable[[], ServiceClient]:
    return lambda: ServiceClient(name, make_states(), invoker, BREAKER)


def is_refused(client: ServiceClient) -> bool:
    try:
        return client.call("ping") != "pong"
    except UnavailableError:
        return True


def opened(client: ServiceClient, endpoint: LambdaEndpoint) -> ServiceClient:
    endpoint.states = ["failing"]
    assert is_refused(client)
    assert is_refused(client)
    endpoint.states = ["ok"]
    return client


def test_a_circuit_that_one_opens_is_open_for_all_and_closes_for_all(
    make_client: Callable[[], ServiceClient], endpoint: LambdaEndpoint
) -> None:
    one, other = opened(make_client(), endpoint), make_client()
    asked = len(endpoint.invoked)
    assert is_refused(other)
    assert len(endpoint.invoked) == asked
    end = time.monotonic() + 10
    while is_refused(other) and time.monotonic() < end:
        pass
    assert not is_refused(one)


def test_another_process_does_not_ask_either(
    make_client: Callable[[], ServiceClient],
    endpoint: LambdaEndpoint,
    url: str,
    name: str,
) -> None:
    """A Lambda function forgets; the next environment reads what this one found out."""
    opened(make_client(), endpoint)
    told = subprocess.run(  # noqa: S603 - our own interpreter and our own code
        [sys.executable, "-c", ASK_ONCE, url, name],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert told.startswith("refused ")


def test_a_state_is_forgotten_an_hour_after_its_last_change(
    make_client: Callable[[], ServiceClient], endpoint: LambdaEndpoint, url: str, name: str
) -> None:
    opened(make_client(), endpoint)
    with Redis.from_url(url) as redis:
        assert redis.keys() == [f"breaker:{name}".encode()]
        ttl = redis.ttl(f"breaker:{name}")
    assert isinstance(ttl, int)
    assert 3500 < ttl <= 3602


def test_a_circuit_works_in_its_process_when_redis_goes_away(
    invoker: Any, endpoint: LambdaEndpoint, url: str, name: str
) -> None:
    """R12."""
    database = RedisDatabase(url)
    client = ServiceClient(name, BreakerStates(database), invoker, BREAKER)
    assert not is_refused(client)
    database.client.close()
    database.client = RedisDatabase("redis://127.0.0.1:1/1").client
    opened(client, endpoint)
    asked = len(endpoint.invoked)
    begin = time.monotonic()
    assert is_refused(client)
    assert time.monotonic() - begin < 1
    assert len(endpoint.invoked) == asked
    end = time.monotonic() + 10
    while is_refused(client):
        assert time.monotonic() < end


def test_an_emptied_redis_closes_circuits(
    make_client: Callable[[], ServiceClient], endpoint: LambdaEndpoint, url: str
) -> None:
    """R12. Nothing worse: whoever is down is found out again."""
    client = opened(make_client(), endpoint)
    with Redis.from_url(url) as redis:
        redis.flushall()
    assert not is_refused(client)
