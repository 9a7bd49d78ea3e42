"""The routes of the alert service, through its Lambda handler, on a real database."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from alert_service.bootstrap import Services
from alert_service.handlers import api
from goldalert.ids import new_id

from .conftest import ADA, World

BEN = UUID(int=2)
VALID = {"alert_type": "above", "threshold": "100"}


@dataclass
class Answer:
    status: int
    headers: dict[str, list[str]]
    body: Any


Call = Callable[..., Answer]


@pytest.fixture
def call(services: Services, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.setattr(api, "services", lambda: services)

    def call(
        method: str,
        path: str,
        body: object = None,
        *,
        raw: str | None = None,
        user_id: UUID = ADA,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        sent = raw if raw is not None else None if body is None else json.dumps(body)
        headers = {"Content-Type": "application/json", **(headers or {})}
        answer = api.lambda_handler(
            {
                "httpMethod": method,
                "path": path,
                "resource": "/alert/{proxy+}",
                "headers": headers,
                "multiValueHeaders": {name: [value] for name, value in headers.items()},
                "queryStringParameters": query,
                "multiValueQueryStringParameters": {k: [v] for k, v in (query or {}).items()},
                "pathParameters": None,
                "requestContext": {
                    "requestId": str(new_id()),
                    "path": path,
                    "httpMethod": method,
                    "stage": "local",
                    "authorizer": {
                        "user_id": str(user_id),
                        "role": "user",
                        "session_id": str(new_id()),
                    },
                },
                "body": sent,
                "isBase64Encoded": False,
            },
            LambdaContext(),
        )
        return Answer(
            answer["statusCode"],
            answer["multiValueHeaders"],
            json.loads(answer["body"]) if answer["body"] else None,
        )

    return call


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_an_alert_is_created_read_changed_and_deleted(call: Call, method: str) -> None:
    created = call(method, "/alert", {**VALID, "unit": "gram", "karat": 18})
    assert created.status == 201
    path = f"/alert/{created.body['id']}"
    assert call("GET", path).body == created.body
    assert call("GET", "/alert").body == {"items": [created.body], "next_cursor": None}
    changed = call("PATCH", path, {"threshold": "120", "note": "later"})
    assert (changed.status, changed.body["threshold"], changed.body["note"]) == (
        200,
        "120",
        "later",
    )
    assert call("GET", f"{path}/history").body == {"items": [], "next_cursor": None}
    assert call("GET", "/alert/history").body == {"items": [], "next_cursor": None}
    deleted = call("DELETE", path)
    assert (deleted.status, deleted.body) == (204, None)
    assert call("GET", path).status == 404


def test_the_list_is_filtered_and_paged(call: Call) -> None:
    ids = [call("POST", "/alert", VALID).body["id"] for _ in range(3)]
    first = call("GET", "/alert", query={"active": "true", "limit": "2"}).body
    second = call(
        "GET", "/alert", query={"active": "true", "limit": "2", "cursor": first["next_cursor"]}
    ).body
    assert [item["id"] for item in first["items"] + second["items"]] == ids[::-1]
    assert second["next_cursor"] is None
    assert call("GET", "/alert", query={"active": "false"}).body["items"] == []


def test_a_wrong_query_is_refused(call: Call) -> None:
    for field, value in [
        ("active", "perhaps"),
        ("limit", "0"),
        ("limit", "101"),
        ("cursor", "nonsense"),
    ]:
        answer = call("GET", "/alert", query={field: value})
        assert (answer.status, answer.body["errors"][0]["field"]) == (422, field)


def test_a_request_sent_twice_with_one_key_sets_one_alert(call: Call) -> None:
    headers = {"Idempotency-Key": "a-key-of-mine"}
    first = call("POST", "/alert", VALID, headers=headers)
    again = call("PUT", "/alert", VALID, headers=headers)
    assert (again.status, again.body) == (first.status, first.body)
    assert len(call("GET", "/alert").body["items"]) == 1
    other = call("POST", "/alert", {**VALID, "threshold": "101"}, headers=headers)
    assert (other.status, other.body["code"]) == (409, "idempotency_key_reused")


def test_more_than_the_limit_is_a_conflict(call: Call) -> None:
    """S11"""
    assert [call("POST", "/alert", VALID).status for _ in range(4)] == [201, 201, 201, 409]
    assert call("POST", "/alert", VALID).body["code"] == "too_many_alerts"


def test_what_holds_already_can_be_rejected(call: Call, services: Services) -> None:
    World(services.engine).tick(1, "100")
    answer = call("POST", "/alert", {**VALID, "if_already_true": "reject"})
    assert (answer.status, answer.body["code"]) == (409, "already_true")


@pytest.mark.parametrize(
    ("method", "suffix", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"note": "mine"}),
        ("DELETE", "", None),
        ("GET", "/history", None),
    ],
)
def test_a_foreign_alert_is_not_found(call: Call, method: str, suffix: str, body: object) -> None:
    """S8: the answer is that of one that does not exist."""
    created = call("POST", "/alert", VALID).body
    foreign = call(method, f"/alert/{created['id']}{suffix}", body, user_id=BEN)
    missing = call(method, f"/alert/{new_id()}{suffix}", body, user_id=BEN)
    for answer in (foreign, missing):
        assert answer.headers["Content-Type"] == ["application/problem+json"]
        del answer.body["correlation_id"]
    assert (foreign.status, foreign.body) == (missing.status, missing.body)
    assert foreign.status == 404
    assert call("GET", f"/alert/{created['id']}").body == created
    assert call("GET", "/alert", user_id=BEN).body["items"] == []


BAD_FIELDS: list[tuple[str, object]] = [
    ("alert_type", "crosses_up"),
    ("alert_type", "percent_change"),
    ("alert_type", None),
    ("threshold", "0"),
    ("threshold", "-1"),
    ("threshold", "NaN"),
    ("threshold", "Infinity"),
    ("threshold", "1e3"),
    ("threshold", 100.5),
    ("threshold", True),
    ("threshold", None),
    ("threshold", "9" * 31),
    ("threshold", "9" * 30),
    ("threshold", "1" * 100_0),
    ("currency", "XYZ"),
    ("currency", "usd"),
    ("currency", None),
    ("unit", "stone"),
    ("karat", 23),
    ("karat", "fine"),
    ("if_already_true", "maybe"),
    ("expires_at", "2020-01-01T00:00:00Z"),
    ("expires_at", "2099-01-01T00:00:00"),
    ("expires_at", "9999-12-31T23:59:59-23:00"),
    ("expires_at", "soon"),
    ("note", "x" * 501),
    ("note", "null \0 character"),
    ("note", 7),
    ("channels", []),
    ("channels", ["email", "email"]),
    ("channels", ["pigeon"]),
    ("channels", "email"),
]
LATER_FIELDS = [
    ("repeat", "every"),
    ("cooldown_minutes", 5),
    ("hysteresis_percent", "1"),
    ("upper", "200"),
    ("window", "1h"),
    ("webhook_url", "https://example.com"),
    ("user_id", str(BEN)),
    ("id", str(BEN)),
    ("state", "triggered"),
]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_wrong_or_unknown_field_is_named_and_nothing_is_stored(call: Call, method: str) -> None:
    """S9, S19"""
    created = call("POST", "/alert", VALID).body
    path = "/alert" if method == "POST" else f"/alert/{created['id']}"
    outcomes = []
    for field, value in BAD_FIELDS + LATER_FIELDS:
        answer = call(method, path, {**VALID, field: value} if method == "POST" else {field: value})
        errors = answer.body.get("errors", [])
        named = {error["field"].split(".")[0] for error in errors}
        outcomes.append((field, value, answer.status, named))
    assert outcomes == [(field, value, 422, {field}) for field, value in BAD_FIELDS + LATER_FIELDS]
    assert call("GET", "/alert").body["items"] == [created]


def test_a_body_that_is_no_alert_is_refused(call: Call) -> None:
    """S19"""
    for raw, status in [
        ("", 422),
        ("{", 400),
        ("[]", 422),
        ("null", 422),
        ('"text"', 422),
        ("{}", 422),
        ('{"alert_type": "above", "threshold": NaN}', 400),
        (json.dumps({**VALID, "note": "half a character \ud800"}), 400),
        ("x" * 1_000_000, 413),
    ]:
        for method in ("POST", "PUT"):
            answer = call(method, "/alert", raw=raw)
            assert (raw[:50], answer.status) == (raw[:50], status)
            assert answer.headers["Content-Type"] == ["application/problem+json"]
    assert call("GET", "/alert").body["items"] == []


def test_an_id_that_is_none_is_refused(call: Call) -> None:
    assert call("GET", "/alert/17").status == 422


def test_health_says_whether_the_database_answers(call: Call) -> None:
    answer = call("GET", "/alert/health")
    assert (answer.status, answer.body) == (
        200,
        {"service": "alert", "status": "ok", "checks": {"database": "ok"}},
    )
