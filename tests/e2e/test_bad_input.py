"""Bad input at the front door: a clear 4xx in problem+json, and nothing stored (S9, S11)."""

from typing import Any

import pytest
from sqlalchemy import text

from goldalert_local.client import HttpAnswer, StackClient, User, wait_for

ANY_ID = "0198f2a0-0000-7000-8000-000000000001"
JUNK = b"\x00{junk" * 180_000


@pytest.fixture(scope="session")
def writes(stack: StackClient) -> list[tuple[str, str]]:
    """Return every POST, PUT and PATCH that takes a body, as the OpenAPI document lists them."""
    document = stack.http.get("/openapi.json").body
    return [
        (method.upper(), path.replace("{", "\0").split("\0")[0] + (ANY_ID if "{" in path else ""))
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method in {"post", "put", "patch"} and "requestBody" in operation
    ]


def stored(stack: StackClient, user: User) -> dict[str, Any]:
    """Return what the user has, and the accounts without an address, which only a body of these
    tests could have made: others run side by side, and register."""
    paths = ["/user/profile", "/user/preferences", "/user/settings", "/alert"]
    with stack.database("auth_db").connect() as connection:
        nobodies = connection.execute(
            text("SELECT email FROM users WHERE email NOT LIKE '%_@_%._%'")
        )
        return {
            "nobodies": list(nobodies.scalars()),
            **{path: user.http.get(path).body for path in paths},
        }


@pytest.mark.parametrize(
    "send",
    [
        {"raw": b""},
        {"raw": b"{"},
        {"raw": b"null"},
        {"raw": b"[1, 2]"},
        {"raw": b"\xff\xfe\x00"},
        {"body": {}},
        {"body": {"unknown_field": 1}},
        {"body": {"email": 7, "password": [], "threshold": {"a": 1}, "currency": True, "name": {}}},
        {"body": {"threshold": "NaN", "alert_type": "above", "currency": "USD"}},
        {"raw": JUNK},
    ],
    ids=[
        "empty",
        "cut off",
        "null",
        "a list",
        "no text",
        "no fields",
        "unknown field",
        "wrong types",
        "NaN",
        "1 MB of junk",
    ],
)
def test_bad_bodies_get_a_problem_and_store_nothing(
    stack: StackClient, user: User, writes: list[tuple[str, str]], send: dict[str, Any]
) -> None:
    assert len(writes) >= 8
    wait_for(lambda: user.http.get("/user/profile").status == 200, "the profile")
    before = stored(stack, user)
    answers = {(m, p): user.http.call(m, p, **send) for m, p in writes}
    # an empty PATCH asks for no change, and that is what it gets
    wrong = {
        route: answer
        for route, answer in answers.items()
        if not is_problem(answer) and not (route[0] == "PATCH" and send == {"body": {}})
    }
    assert not wrong
    assert stored(stack, user) == before


def is_problem(answer: HttpAnswer) -> bool:
    return (
        400 <= answer.status < 500
        and answer.headers["content-type"] == "application/problem+json"
        and {"type", "title", "status", "detail", "code", "correlation_id"} <= answer.body.keys()
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("threshold", "0"),
        ("threshold", "-5"),
        ("threshold", "1" * 31),
        ("threshold", "1e400"),
        ("currency", "XXX"),
        ("unit", "stone"),
        ("karat", 7),
        ("alert_type", "sideways"),
        ("upper", "6000"),
        ("window", "24h"),
        ("repeat", "sometimes"),
        ("cooldown_minutes", -1),
        ("hysteresis_percent", "51"),
        ("expires_at", "2001-01-01T00:00:00Z"),
        ("note", "x" * 5000),
        ("channels", ["pigeon"]),
        ("if_already_true", "maybe"),
    ],
)
def test_a_bad_alert_is_refused_by_the_name_of_its_field(
    user: User, field: str, value: Any
) -> None:
    good = {"alert_type": "above", "threshold": "5000", "currency": "USD"}
    answer = user.http.put("/alert", good | {field: value})
    assert answer.status == 422
    assert {error["field"].split(".")[0] for error in answer.body["errors"]} == {field}
    assert user.http.get("/alert").body["items"] == []


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("upper", {"alert_type": "range_enter", "threshold": "5000", "upper": "4000"}),
        ("window", {"alert_type": "percent_change", "threshold": "-2"}),
        ("threshold", {"alert_type": "percent_change", "threshold": "0", "window": "1h"}),
        ("trail_percent", {"alert_type": "trailing", "trail_percent": "100"}),
        ("period", {"alert_type": "sma_cross", "period": 1}),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused_by_the_name_of_its_field(
    user: User, field: str, body: dict[str, Any]
) -> None:
    answer = user.http.put("/alert", body)
    assert answer.status == 422
    assert [error["field"] for error in answer.body["errors"]] == [field]
    assert user.http.get("/alert").body["items"] == []


def test_a_foreign_alert_does_not_exist(stack: StackClient, user: User) -> None:
    """S8."""
    stranger = stack.new_user(verified=False)
    path = (
        "/alert/"
        + user.http.put(
            "/alert", {"alert_type": "above", "threshold": "9000", "currency": "USD"}
        ).body["id"]
    )
    assert user.http.get(path).status == 200
    for answer in (
        stranger.http.get(path),
        stranger.http.get(f"{path}/history"),
        stranger.http.patch(path, {"note": "mine now"}),
        stranger.http.post(f"{path}/pause"),
        stranger.http.post(f"{path}/resume"),
        stranger.http.delete(path),
    ):
        assert answer.status == 404
    assert user.http.get(path).body["note"] is None
    assert stranger.http.get("/alert").body["items"] == []
