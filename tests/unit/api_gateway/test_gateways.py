"""Asking a service's API function, with the function itself behind a stand-in for Lambda."""

import io
import json
from types import SimpleNamespace
from typing import Any

import pytest

from api_gateway.gateways import FunctionHealth
from goldalert import aws
from goldalert.http.api import make_resolver, serve
from goldalert.http.health import HealthView, check_health, health_response
from goldalert.settings import HttpSettings
from tests.support.invocations import Context, Handler


class Lambda:
    """Runs a handler as `invoke` does."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.invoked: list[str] = []

    def invoke(self, *, FunctionName: str, Payload: str) -> dict[str, Any]:  # noqa: N803 - boto3's
        self.invoked.append(FunctionName)
        try:
            answer, failure = self._handler(json.loads(Payload), Context()), {}
        except Exception as error:
            answer, failure = {"errorMessage": str(error)}, {"FunctionError": "Unhandled"}
        return {"Payload": io.BytesIO(json.dumps(answer).encode()), **failure}


def fail() -> None:
    raise ConnectionError


def service(database: Any) -> Handler:
    app = make_resolver()

    @app.get("/alert/health")
    def health() -> Any:
        return health_response(check_health("alert", essential={"database": database}, optional={}))

    return serve(app, lambda: SimpleNamespace(settings=HttpSettings(), rate_limiter=None))


@pytest.mark.parametrize(("database", "status"), [(lambda: None, "ok"), (fail, "down")])
def test_what_the_service_says_is_passed_on(
    monkeypatch: pytest.MonkeyPatch, database: Any, status: str
) -> None:
    functions = Lambda(service(database))
    monkeypatch.setattr(aws, "client", lambda _: functions)
    health = FunctionHealth().health("goldalert-local-alert-service-api", "alert", "correlated")
    assert health == HealthView(service="alert", status=status, checks={"database": status})
    assert functions.invoked == ["goldalert-local-alert-service-api"]


def test_a_function_that_fails_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(event: dict[str, Any], context: Any) -> dict[str, Any]:
        raise MemoryError

    monkeypatch.setattr(aws, "client", lambda _: Lambda(crash))
    with pytest.raises(ValueError, match="Unhandled"):
        FunctionHealth().health("goldalert-local-alert-service-api", "alert", "correlated")
