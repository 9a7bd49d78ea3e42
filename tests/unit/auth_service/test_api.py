"""The routes of the auth service that need no database."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from auth_service.handlers import api
from goldalert.errors import RateLimitedError
from goldalert.rate_limiting import RateLimit
from goldalert.settings import HttpSettings

PASSWORD = "correct horse battery"
TOKEN = "x" * 43


class UsedUp:
    """Every limit is."""

    def check(self, limit: RateLimit, *who: str) -> None:
        raise RateLimitedError("Too many tries.", retry_after=limit.seconds)

    take = check


@pytest.fixture(autouse=True)
def services(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Nothing to work with, so that a route that gets as far fails."""
    made = SimpleNamespace(
        settings=HttpSettings(),
        rate_limiter=None,
        throttle=UsedUp(),
        **dict.fromkeys(
            ("unit_of_work", "clock", "passwords", "signer", "codes", "seal", "session_cache")
        ),
    )
    monkeypatch.setattr(api, "services", lambda: made)
    return made


def ask(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    event = {
        "httpMethod": method,
        "path": path,
        "resource": path,
        "headers": {"Content-Type": "application/json"},
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
        "requestContext": {"requestId": "gateway-request", "identity": {"sourceIp": "192.0.2.1"}},
    }
    context = SimpleNamespace(aws_request_id="request")
    return api.lambda_handler(event, context)  # type: ignore[arg-type]


def wrong_fields(answer: dict[str, Any]) -> list[str]:
    assert answer["statusCode"] == 422
    return [error["field"] for error in json.loads(answer["body"])["errors"]]


@pytest.mark.parametrize("name", ["A\0da", "Ada\r\nBcc: eve@example.com"])
def test_a_name_with_control_characters_is_a_wrong_field(name: str) -> None:
    body = {"email": "ada@example.com", "password": PASSWORD, "name": name}
    assert wrong_fields(ask("POST", "/auth/register", body)) == ["name"]


@pytest.mark.parametrize("path", ["/auth/register", "/auth/login", "/auth/password/forgot"])
@pytest.mark.parametrize("email", ["ada", "ü@example.com", "ada@localhost", "x" * 300, 7, None])
def test_what_is_no_address_is_a_wrong_field(path: str, email: object) -> None:
    body = {"email": email, "password": PASSWORD}
    if path == "/auth/password/forgot":
        del body["password"]
    assert wrong_fields(ask("POST", path, body)) == ["email"]


@pytest.mark.parametrize(
    ("path", "rest"),
    [
        ("/auth/register", {"email": "ada@example.com"}),
        ("/auth/login", {"email": "ada@example.com"}),
        ("/auth/password/reset", {"token": TOKEN}),
    ],
)
def test_s1_ten_kilobytes_are_no_password(path: str, rest: dict[str, str]) -> None:
    answer = ask("POST", path, {"password": "w7Kq93ndZz" * 1000, **rest})
    assert wrong_fields(answer) == ["password"]


@pytest.mark.parametrize("path", ["/auth/register", "/auth/login"])
def test_half_a_character_is_no_password(path: str) -> None:
    """A lone surrogate, which JSON can say and UTF-8 cannot."""
    body = {"email": "ada@example.com", "password": "correct horse \ud800 battery"}
    assert ask("POST", path, body)["statusCode"] == 400


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/auth/register", {"email": "ada@example.com", "password": PASSWORD}),
        ("/auth/login", {"email": "ada@example.com", "password": PASSWORD}),
        ("/auth/password/forgot", {"email": "ada@example.com"}),
    ],
)
def test_s3_who_tries_too_often_is_told_when_to_come_back(path: str, body: dict[str, str]) -> None:
    """Before anything is done for them: no statement, no hash."""
    answer = ask("POST", path, body)
    assert answer["statusCode"] == 429
    assert int(answer["multiValueHeaders"]["Retry-After"][0]) > 0
    assert json.loads(answer["body"])["code"] == "rate_limited"


@pytest.mark.parametrize("path", ["/auth/verify-email", "/auth/password/reset"])
def test_s7_a_link_opens_a_page_and_changes_nothing(path: str) -> None:
    answer = ask("GET", path)
    assert answer["statusCode"] == 200
    assert "<h1>" in answer["body"]
    policy = answer["multiValueHeaders"]["Content-Security-Policy"][0]
    assert "script-src 'sha256-" in policy
    assert "unsafe" not in policy
