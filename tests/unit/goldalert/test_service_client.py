"""Calls between services over a socket, with the other end's own code behind it."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from aws_lambda_powertools.utilities.circuit_breaker import CircuitBreakerConfig
from pydantic import JsonValue

from goldalert import aws
from goldalert.cache.client import RedisDatabase
from goldalert.circuit_breaker import BreakerStates
from goldalert.errors import UnavailableError
from goldalert.http.problems import problem_for
from goldalert.ids import new_id
from goldalert.internal import serve_internal
from goldalert.observability.log import current_correlation_id, start_request
from goldalert.service_client import BREAKER, ServiceClient
from tests.support.lambda_endpoint import LambdaEndpoint, serve_lambda

ADA = UUID(int=1)
OPENS_BRIEFLY = CircuitBreakerConfig(
    failure_threshold=2,
    recovery_timeout=2,  # powertools counts whole seconds: two are more than one
    success_threshold=BREAKER.success_threshold,
)


def export_user(user_id: UUID) -> JsonValue:
    return {"user": str(user_id), "correlation_id": current_correlation_id()}


def divide(by: int) -> JsonValue:
    return 1 // by


@pytest.fixture
def endpoint() -> LambdaEndpoint:
    return LambdaEndpoint(serve_internal(export_user, divide))


@pytest.fixture
def invoker(endpoint: LambdaEndpoint) -> Iterator[Any]:
    with serve_lambda(endpoint) as client:
        yield client


def without_redis(invoker: Any, breaker: CircuitBreakerConfig = BREAKER) -> ServiceClient:
    """A client of a service that no other test calls: circuits belong to the process."""
    states = BreakerStates(RedisDatabase("redis://127.0.0.1:1/0"))
    name = f"goldalert-{new_id().hex}-alert-service-internal"
    return ServiceClient(name, states, invoker, breaker)


def refusal(client: ServiceClient) -> tuple[UnavailableError, float]:
    """How a call is refused, and how many seconds that takes."""
    begin = time.monotonic()
    with pytest.raises(UnavailableError) as caught:
        client.call("export_user", user_id=ADA)
    return caught.value, time.monotonic() - begin


def test_the_answer_comes_back_and_the_correlation_id_goes_along(
    invoker: Any, endpoint: LambdaEndpoint
) -> None:
    start_request("request-of-ada")
    client = without_redis(invoker)
    answer = client.call("export_user", user_id=ADA)
    assert answer == {"user": str(ADA), "correlation_id": "request-of-ada"}
    assert (client.service, len(endpoint.invoked)) == ("alert", 1)


def is_refused_in_a_new_thread(client: ServiceClient) -> bool:
    """The export calls from a pool of its own each time."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return isinstance(pool.submit(client.call, "divide", by=1).exception(), UnavailableError)


@pytest.mark.parametrize("state", ["hanging", "failing", "throttling"])
def test_a_service_that_is_down_is_a_503_and_never_a_hang(
    invoker: Any, endpoint: LambdaEndpoint, state: str
) -> None:
    endpoint.states = [state]
    error, seconds = refusal(without_redis(invoker))
    assert seconds < 3
    assert len(endpoint.invoked) == 2, "it is tried again"
    answer = problem_for(error)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "The alert service does not answer." in str(answer.body)


def test_a_service_that_fails_once_is_asked_again(invoker: Any, endpoint: LambdaEndpoint) -> None:
    endpoint.states = ["failing", "ok"]
    assert without_redis(invoker).call("divide", by=1) == 1
    assert len(endpoint.invoked) == 2


def test_an_error_on_the_other_side_is_unavailable_and_tells_nothing(invoker: Any) -> None:
    client = without_redis(invoker)
    with pytest.raises(UnavailableError) as caught:
        client.call("divide", by=0)
    assert "division" not in str(caught.value)
    assert str(caught.value.__cause__) == "ZeroDivisionError"


def test_an_open_circuit_refuses_at_once_and_says_for_how_long(
    invoker: Any, endpoint: LambdaEndpoint
) -> None:
    endpoint.states = ["hanging"]
    client = without_redis(invoker)
    for _ in range(BREAKER.failure_threshold):
        refusal(client)
    asked = len(endpoint.invoked)
    error, seconds = refusal(client)
    assert seconds < 1
    assert 0 < error.retry_after <= BREAKER.recovery_timeout
    assert len(endpoint.invoked) == asked


def test_a_circuit_closes_by_itself(invoker: Any, endpoint: LambdaEndpoint) -> None:
    client = without_redis(invoker, OPENS_BRIEFLY)
    endpoint.states = ["failing"]
    for _ in range(2):
        refusal(client)
    endpoint.states = ["ok"]
    assert "circuit" in repr(refusal(client)[0].__cause__).lower()
    end = time.monotonic() + 10
    while is_refused_in_a_new_thread(client):
        assert time.monotonic() < end
    assert not is_refused_in_a_new_thread(client)


def test_a_failed_probe_opens_the_circuit_anew(invoker: Any, endpoint: LambdaEndpoint) -> None:
    client = without_redis(invoker, OPENS_BRIEFLY)
    endpoint.states = ["failing"]
    refusal(client)
    refusal(client)
    asked, end = len(endpoint.invoked), time.monotonic() + 10
    while len(endpoint.invoked) == asked and time.monotonic() < end:
        refusal(client)
    assert len(endpoint.invoked) == asked + 2, "one call, tried twice"
    refusal(client)
    assert len(endpoint.invoked) == asked + 2


def test_one_service_that_is_down_leaves_the_others_alone(
    invoker: Any, endpoint: LambdaEndpoint
) -> None:
    down, up = without_redis(invoker), without_redis(invoker)
    endpoint.states = ["failing"]
    for _ in range(3):
        refusal(down)
    endpoint.states = ["ok"]
    refusal(down)
    assert up.call("divide", by=1) == 1


def test_a_call_ends_before_api_gateway_and_before_the_next_probe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    config = aws.client.__wrapped__("lambda").meta.config  # type: ignore[attr-defined]
    attempts = config.retries["total_max_attempts"]
    longest = attempts * (config.connect_timeout + config.read_timeout) + 1
    assert longest <= BREAKER.recovery_timeout < 29
