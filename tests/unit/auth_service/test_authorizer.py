"""The Lambda authorizer: what it tells API Gateway."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from auth_service.domain import AccessClaims, AccessToken
from auth_service.handlers import authorizer
from auth_service.use_cases import authorization
from goldalert.ids import new_id

ARN = "arn:aws:execute-api:us-east-1:000000000000:api/local/GET/alert"
CLAIMS = AccessClaims(new_id(), new_id(), "user", 1)
TOKEN = AccessToken(CLAIMS, datetime(2026, 11, 24, 12, 15, tzinfo=UTC))


@dataclass
class Context:
    aws_request_id: str = "request"


class Verifier:
    def verify(self, token: str) -> AccessToken | None:
        return TOKEN if token == "genuine" else None


class Services:
    verifier = Verifier()
    unit_of_work = None
    clock = None
    session_cache = None


@pytest.fixture(autouse=True)
def services(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authorizer, "services", Services)
    monkeypatch.setattr(authorization, "authorize", lambda *_: True)


def ask(header: str) -> dict[str, Any]:
    event = {"type": "TOKEN", "methodArn": ARN, "authorizationToken": header}
    return authorizer.lambda_handler(event, Context())  # type: ignore[arg-type]


@pytest.mark.parametrize("header", ["Bearer genuine", "bearer genuine"])
def test_a_standing_session_is_allowed_just_this_method(header: str) -> None:
    answer = ask(header)
    [statement] = answer["policyDocument"]["Statement"]
    assert (statement["Effect"], statement["Resource"]) == ("Allow", ARN)
    assert answer["context"] == {
        "user_id": str(CLAIMS.user_id),
        "session_id": str(CLAIMS.session_id),
        "role": "user",
        "expires_at": 1795522500,
    }


@pytest.mark.parametrize("header", ["", "genuine", "Basic genuine", "Bearer", "Bearer forged"])
def test_anything_else_is_unauthorized(header: str) -> None:
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        ask(header)


def test_an_ended_session_is_unauthorized(monkeypatch: pytest.MonkeyPatch) -> None:
    """S6."""
    monkeypatch.setattr(authorization, "authorize", lambda *_: False)
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        ask("Bearer genuine")


def test_a_database_that_is_away_lets_nobody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> bool:
        raise ConnectionError("database")

    monkeypatch.setattr(authorization, "authorize", fail)
    with pytest.raises(ConnectionError):
        ask("Bearer genuine")
