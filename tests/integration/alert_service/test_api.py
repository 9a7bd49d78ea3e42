"""The routes of the alert service, through its Lambda handler, on a real database."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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
        ("POST", "/pause", None),
        ("POST", "/resume", None),
        ("POST", "/snooze", {"until": "2027-01-01T00:00:00Z"}),
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
    ("alert_type", "between"),
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
    ("upper", "200"),
    ("upper", "NaN"),
    ("window", "1h"),
    ("window", "2h"),
    ("trail_percent", "5"),
    ("period", 5),
    ("period", "5"),
    ("period", True),
    ("repeat", "twice"),
    ("repeat", None),
    ("cooldown_minutes", -1),
    ("cooldown_minutes", 43_201),
    ("cooldown_minutes", 1.5),
    ("cooldown_minutes", "5"),
    ("cooldown_minutes", None),
    ("hysteresis_percent", "-0.1"),
    ("hysteresis_percent", "50.1"),
    ("hysteresis_percent", 0.5),
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
UNKNOWN_FIELDS = [
    ("webhook_url", "https://example.com"),
    ("user_id", str(BEN)),
    ("id", str(BEN)),
    ("state", "triggered"),
    ("version", 7),
    ("due_at", "2027-01-01T00:00:00Z"),
    ("peak_since", 1),
]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_wrong_or_unknown_field_is_named_and_nothing_is_stored(call: Call, method: str) -> None:
    """S9, S19"""
    created = call("POST", "/alert", VALID).body
    path = "/alert" if method == "POST" else f"/alert/{created['id']}"
    outcomes = []
    for field, value in BAD_FIELDS + UNKNOWN_FIELDS:
        answer = call(method, path, {**VALID, field: value} if method == "POST" else {field: value})
        errors = answer.body.get("errors", [])
        named = {error["field"].split(".")[0] for error in errors}
        outcomes.append((field, value, answer.status, named))
    assert outcomes == [
        (field, value, 422, {field}) for field, value in BAD_FIELDS + UNKNOWN_FIELDS
    ]
    assert call("GET", "/alert").body["items"] == [created]


RANGE = {"alert_type": "range_enter", "threshold": "100", "upper": "110"}
CHANGE = {"alert_type": "percent_change", "threshold": "-2.5", "window": "24h"}
TRAILING = {"alert_type": "trailing", "trail_percent": "5"}
MEAN = {"alert_type": "sma_cross", "period": 20}


@pytest.mark.parametrize(
    "body",
    [
        *({**VALID, "alert_type": kind} for kind in ("below", "crosses_up", "crosses_down")),
        {**VALID, "alert_type": "crosses"},
        RANGE,
        {**RANGE, "alert_type": "range_exit"},
        CHANGE,
        TRAILING,
        MEAN,
        {**MEAN, "repeat": "every", "cooldown_minutes": 43_200, "hysteresis_percent": "50"},
    ],
)
def test_every_condition_is_stored_as_it_was_sent(call: Call, body: dict[str, object]) -> None:
    created = call("POST", "/alert", body)
    assert created.status == 201
    assert {name: created.body[name] for name in body} == body
    assert call("GET", f"/alert/{created.body['id']}").body == created.body


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("threshold", {"alert_type": "below"}),
        ("threshold", {**RANGE, "threshold": None}),
        ("threshold", {**RANGE, "threshold": "-1"}),
        ("upper", {**RANGE, "upper": None}),
        ("upper", {**RANGE, "upper": "100"}),
        ("upper", {**RANGE, "upper": "99"}),
        ("upper", {**RANGE, "upper": "9" * 30}),
        # closer than what is kept of a price
        ("upper", {**RANGE, "alert_type": "range_exit", "upper": "100.0000000000001"}),
        ("hysteresis_percent", {**RANGE, "alert_type": "range_exit", "hysteresis_percent": "5"}),
        ("window", {**RANGE, "window": "1h"}),
        ("window", {**CHANGE, "window": None}),
        ("window", {**CHANGE, "window": "30d"}),
        ("threshold", {**CHANGE, "threshold": "0"}),
        ("threshold", {**CHANGE, "threshold": "0.009"}),
        ("threshold", {**CHANGE, "threshold": "-100"}),
        ("threshold", {**CHANGE, "threshold": "1000.1"}),
        ("threshold", {**CHANGE, "threshold": "9" * 30}),
        ("upper", {**CHANGE, "upper": "5"}),
        ("trail_percent", {"alert_type": "trailing"}),
        ("trail_percent", {**TRAILING, "trail_percent": "0"}),
        ("trail_percent", {**TRAILING, "trail_percent": "100"}),
        ("trail_percent", {**TRAILING, "trail_percent": "-5"}),
        ("trail_percent", {**TRAILING, "trail_percent": "NaN"}),
        ("threshold", {**TRAILING, "threshold": "100"}),
        ("period", {"alert_type": "sma_cross"}),
        ("period", {**MEAN, "period": 1}),
        ("period", {**MEAN, "period": 501}),
        ("period", {**MEAN, "period": 10**30}),
        ("threshold", {**MEAN, "threshold": "100"}),
        *(
            ("if_already_true", {**body, "if_already_true": wish})
            for wish in ("fire", "reject")
            for body in (MEAN, {**VALID, "alert_type": "crosses_up"})
        ),
    ],
)
def test_a_condition_that_makes_no_sense_is_named_and_nothing_is_stored(
    call: Call, field: str, body: dict[str, object]
) -> None:
    """S19"""
    for method, path in (("POST", "/alert"), ("PUT", "/alert")):
        answer = call(method, path, body)
        errors = answer.body.get("errors", [])
        assert (answer.status, [error["field"] for error in errors]) == (422, [field])
    created = call("POST", "/alert", VALID)
    answer = call("PATCH", f"/alert/{created.body['id']}", {"threshold": None, **body})
    errors = answer.body.get("errors", [])
    assert (answer.status, [error["field"] for error in errors]) == (422, [field])
    assert call("GET", "/alert").body["items"] == [created.body]


def test_an_alert_is_paused_resumed_and_snoozed(call: Call) -> None:
    created = call("POST", "/alert", {**VALID, "note": "mine"}).body
    path = f"/alert/{created['id']}"
    paused = call("POST", f"{path}/pause")
    assert (paused.status, paused.body["state"], paused.body["active"]) == (200, "paused", False)
    assert call("GET", "/alert", query={"active": "true"}).body["items"] == []
    refused = call("POST", f"{path}/snooze", {"until": "2027-01-01T00:00:00Z"})
    assert (refused.status, refused.body["code"]) == (409, "not_active")
    resumed = call("POST", f"{path}/resume")
    assert (resumed.status, resumed.body["state"]) == (200, "armed")
    until = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    snoozed = call("POST", f"{path}/snooze", {"until": until.isoformat()})
    assert (snoozed.status, snoozed.body["state"]) == (200, "snoozed")
    assert datetime.fromisoformat(snoozed.body["due_at"]) == until
    assert call("GET", path).body == snoozed.body
    assert snoozed.body["note"] == "mine"


@pytest.mark.parametrize(
    "body", [{}, {"until": None}, {"until": "soon"}, {"until": "2020-01-01T00:00:00Z"},
             {"until": "2020-01-01T00:00:00"}, {"until": "2999-01-01T00:00:00Z"}, {"until": 5.5}]
)  # fmt: skip
def test_a_snooze_without_a_time_to_come_is_refused(call: Call, body: dict[str, object]) -> None:
    """S19"""
    created = call("POST", "/alert", VALID).body
    answer = call("POST", f"/alert/{created['id']}/snooze", body)
    assert (answer.status, answer.body["errors"][0]["field"]) == (422, "until")
    assert call("GET", f"/alert/{created['id']}").body == created


def test_an_alert_that_has_triggered_can_not_be_paused(call: Call, services: Services) -> None:
    World(services.engine).tick(1, "100")
    created = call("POST", "/alert", {**VALID, "if_already_true": "fire"}).body
    assert created["state"] == "triggered"
    for action, body in (
        ("pause", None),
        ("resume", None),
        ("snooze", {"until": (datetime.now(UTC) + timedelta(days=1)).isoformat()}),
    ):
        answer = call("POST", f"/alert/{created['id']}/{action}", body)
        assert (answer.status, answer.body["code"]) == (409, "not_active")


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
        # without Redis alerts are read from the database
        {"service": "alert", "status": "degraded", "checks": {"database": "ok", "redis": "down"}},
    )


def test_a_backtest_takes_the_body_of_an_alert_and_stores_nothing(call: Call) -> None:
    answer = call("POST", "/alert/backtest", {**VALID, "days": 30, "repeat": "every"})
    assert answer.status == 200
    assert (answer.body["count"], answer.body["triggers"], answer.body["ticks"]) == (0, [], 0)
    assert answer.body["suppressed"] == {"hysteresis": 0, "cooldown": 0}
    assert (answer.body["already_true"], answer.body["never_fires"]) == (False, False)
    assert [warning["code"] for warning in answer.body["warnings"]] == ["no_history"]
    assert call("GET", "/alert").body["items"] == []


def test_a_backtest_refuses_what_an_alert_would_naming_the_field(call: Call) -> None:
    """S9, S11"""
    days = [("days", value) for value in (0, 366, -1, 1.5, "30", True, None)]
    outcomes = []
    for field, value in [*BAD_FIELDS, *days]:
        answer = call("POST", "/alert/backtest", {**VALID, "days": 30, field: value})
        named = {error["field"].split(".")[0] for error in answer.body.get("errors", [])}
        outcomes.append((field, value, answer.status, named))
    assert outcomes == [(field, value, 422, {field}) for field, value in [*BAD_FIELDS, *days]]
    assert call("POST", "/alert/backtest", VALID).body["errors"][0]["field"] == "days"
