"""The export, with Lambda's own API on a socket between this service and the others."""

import time
from collections.abc import Iterator
from threading import Event
from typing import Any
from uuid import UUID

import pytest
from pydantic import JsonValue

from goldalert.circuit_breaker import BreakerStates
from goldalert.ids import new_id
from goldalert.internal import serve_internal
from goldalert.observability.log import current_correlation_id
from goldalert.service_client import ServiceClient
from tests.support.invocations import Client
from tests.support.lambda_endpoint import LambdaEndpoint, serve_lambda
from user_service.bootstrap import Services
from user_service.config import EXPORTS
from user_service.handlers import api
from user_service.use_cases import accounts

OTHERS = ["admin", "alert", "auth", "email", "logging", "notification"]


def export_user(user_id: UUID) -> JsonValue:
    return {"of": str(user_id), "correlation_id": current_correlation_id()}


@pytest.fixture
def others(services: Services) -> Iterator[dict[str, LambdaEndpoint]]:
    """The other services by name, each of which holds something."""
    endpoints = {name: LambdaEndpoint(serve_internal(export_user)) for name in OTHERS}
    router = LambdaEndpoint(lambda *_: None)

    def answer(path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        return endpoints[path.split("/")[3].split("-")[2]].answer(path, body)

    router.answer = answer  # type: ignore[method-assign]
    stage = new_id().hex  # circuits belong to the process; no other test shares these
    with serve_lambda(router) as invoker:
        services.other_services = [
            ServiceClient(
                f"goldalert-{stage}-{name}-service-internal", BreakerStates(services.redis), invoker
            )
            for name in OTHERS
        ]
        yield endpoints
        for endpoint in endpoints.values():
            endpoint.released.set()


def test_an_export_holds_what_every_service_holds(
    ada: Client, others: dict[str, LambdaEndpoint]
) -> None:
    """S18."""
    answer = ada.get("/user/export")
    part = {"of": str(ada.user_id), "correlation_id": "request-of-a-test"}
    assert (answer.status, answer.body) == (
        200,
        {
            "user": {
                "profile": ada.get("/user/profile").body,
                "preferences": ada.get("/user/preferences").body,
                "settings": ada.get("/user/settings").body,
            },
            **dict.fromkeys(OTHERS, part),
            "missing": [],
        },
    )
    assert answer.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize("state", ["failing", "throttling", "hanging"])
def test_a_part_that_cannot_be_had_is_named(
    ada: Client, others: dict[str, LambdaEndpoint], state: str
) -> None:
    """A part is never left out in silence."""
    others["email"].states = [state]
    others["alert"].handler = serve_internal()
    answer = ada.get("/user/export")
    assert (answer.status, answer.body["missing"]) == (200, ["alert", "email"])
    assert (answer.body["alert"], answer.body["email"]) == (None, None)
    assert answer.body["logging"]["of"] == str(ada.user_id)


class Hanging:
    """A service whose calls have no time-out."""

    service = "email"

    def __init__(self) -> None:
        self.released = Event()

    def call(self, action: str, **arguments: object) -> JsonValue:
        self.released.wait(30)
        return None


def test_an_export_ends_at_its_deadline(
    ada: Client, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = Hanging()
    services.other_services = [hanging]  # type: ignore[list-item]
    monkeypatch.setattr(api, "EXPORT_DEADLINE_SECONDS", 0.1)
    begin = time.monotonic()
    assert ada.get("/user/export").body["missing"] == ["email"]
    assert time.monotonic() - begin < 10
    hanging.released.set()


def test_what_is_too_large_for_one_answer_is_named_and_the_rest_is_there(
    ada: Client, others: dict[str, LambdaEndpoint], monkeypatch: pytest.MonkeyPatch
) -> None:
    def export_user(user_id: UUID) -> JsonValue:
        return {"logs": ['"' * 300]}  # 300 characters, which are 1200 in an answer

    others["logging"].handler = serve_internal(export_user)
    monkeypatch.setattr(accounts, "MAX_EXPORT_BYTES", 1500)
    body = ada.get("/user/export").body
    assert (body["missing"], body["logging"]) == (["logging"], None)
    assert body["alert"]["of"] == str(ada.user_id)


def test_who_is_not_known_yet_gets_what_there_is(
    services: Services, others: dict[str, LambdaEndpoint]
) -> None:
    body = Client(api.lambda_handler, new_id()).get("/user/export").body
    assert (body["user"]["profile"], body["missing"]) == (None, [])


def test_an_export_is_the_callers_own(ada: Client, others: dict[str, LambdaEndpoint]) -> None:
    """S8. Nothing in the request says whose export it is."""
    other = Client(ada.handler, new_id())
    body: Any = other.get("/user/export", user_id=str(ada.user_id)).body
    assert {body[name]["of"] for name in OTHERS} == {str(other.user_id)}


def test_nobody_gets_an_export_without_signing_in(services: Services) -> None:
    assert Client(api.lambda_handler).get("/user/export").status == 401


def test_who_exports_too_often_is_told_when_to_come_back(
    ada: Client, others: dict[str, LambdaEndpoint]
) -> None:
    """S3, S11: one request keeps seven functions busy."""
    answers = [ada.get("/user/export") for _ in range(EXPORTS.amount + 1)]
    assert [answer.status for answer in answers] == [200] * EXPORTS.amount + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
