"""What the API takes, what it tells, and to whose pages (S9, S11, S14)."""

import re
from uuid import UUID, uuid4

import pytest

from goldalert.http.api import MAX_BODY_BYTES
from goldalert_local.client import Http, HttpAnswer, StackClient, User
from goldalert_local.profiles import PROFILES
from tests.support.access import ALERT, ROUTES, login, new_address, register

WRITES = [name for name, row in ROUTES.items() if row.body is not None]


@pytest.mark.parametrize("name", WRITES)
def test_an_unknown_field_is_refused_by_name(
    stack: StackClient, admin: User, user: User, name: str
) -> None:
    """S9."""
    method, path = name.split(" ")
    row = ROUTES[name]
    http = admin.http if row.who == "admin" else user.http
    body = {**(row.body or {}), "is_admin": True}
    answer = http.call(method, with_an_id(path), body)
    assert answer.status == 422, answer
    assert ["is_admin"] == [error["field"] for error in answer.body["errors"]]


def with_an_id(path: str) -> str:
    return re.sub(r"\{[^}]+\}", str(uuid4()), path)


def test_ids_are_not_guessable(stack: StackClient, user: User) -> None:
    """S9: an id tells when it was made, and 74 random bits."""
    ids = [UUID(user.http.post("/alert", ALERT).body["id"]) for _ in range(4)]
    ids += [UUID(user.user_id), UUID(user.http.get("/auth/validate").body["session_id"])]
    assert {i.version for i in ids} == {7}
    tails = [i.int & (2**62 - 1) for i in ids]
    assert min(abs(a - b) for a in tails for b in tails if a != b) > 2**32
    assert len(set(tails)) == len(ids)


@pytest.mark.parametrize("name", WRITES)
def test_a_body_over_64_kib_is_refused(
    stack: StackClient, admin: User, user: User, name: str
) -> None:
    """S11."""
    method, path = name.split(" ")
    http = admin.http if ROUTES[name].who == "admin" else user.http
    path = with_an_id(path)
    answer = http.call(method, path, raw=b'{"x": "' + b"x" * MAX_BODY_BYTES + b'"}')
    assert (answer.status, answer.body["code"]) == (413, "too_large"), answer


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/user/profile", {"bio": "x" * 100_000}, None),
        ("/user/profile", {"bio": "x" * 10_000}, "bio"),
        ("/user/profile", {"name": "x" * 1_000}, "name"),
        ("/user/profile", {"avatar": "https://example.com/" + "x" * 10_000}, "avatar"),
    ],
)
def test_a_string_has_a_length(
    user: User, path: str, body: dict[str, str], field: str | None
) -> None:
    """S11."""
    answer = user.http.patch(path, body)
    assert answer.status == (413 if field is None else 422), answer
    if field:
        assert {error["field"] for error in answer.body["errors"]} == {field}


LISTS = [
    "/alert",
    "/alert/history",
    "/notification",
    "/email/logs",
    "/auth/sessions",
    "/auth/users",
    "/admin/audit-logs",
    "/logging/logs",
]


@pytest.mark.parametrize("path", LISTS)
def test_a_page_has_at_most_100_entries(admin: User, path: str) -> None:
    """S11."""
    assert len(admin.http.get(f"{path}?limit=100").body["items"]) <= 100
    for limit in ("101", "0", "-1", "x", "1e9", "9" * 400):
        assert admin.http.get(f"{path}?limit={limit}").status == 422
    assert admin.http.get(f"{path}?cursor={'x' * 2000}").status in {400, 422}


ALLOWED_ORIGIN = PROFILES["test"].template_parameters()["AllowedOrigins"].split(",")[0]
SECURITY_HEADERS = {
    "strict-transport-security": "max-age=63072000; includeSubDomains",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


def answers_of_every_kind(stack: StackClient, user: User) -> dict[str, HttpAnswer]:
    http = stack.elsewhere()
    return {
        "200": user.http.get("/auth/me"),
        "202": register(http, new_address()),
        "204": stack.login(user.email).http.post("/auth/logout"),
        "400": http.post("/auth/login", raw=b"{"),
        "401 of the gateway": http.get("/auth/me"),
        "401 of a service": login(http, new_address()),
        "403": user.http.get("/auth/users"),
        "404 of a service": user.http.get(f"/alert/{uuid4()}"),
        "404 of no service": user.http.get("/auth/nothing"),
        "404 of no method": user.http.call("PUT", "/auth/me"),
        "413": user.http.patch("/user/profile", {"bio": "x" * 100_000}),
        "422": http.post("/auth/login", {}),
    }


def test_the_answers_are_of_every_kind(stack: StackClient, user: User) -> None:
    found = answers_of_every_kind(stack, user)
    assert {kind: answer.status for kind, answer in found.items()} == {
        kind: int(kind.partition(" ")[0]) for kind in found
    }


def test_every_answer_carries_the_security_headers(stack: StackClient, user: User) -> None:
    """S14."""
    wrong = {
        (kind, name): answer.headers.get(name)
        for kind, answer in answers_of_every_kind(stack, user).items()
        for name, value in SECURITY_HEADERS.items()
        if answer.headers.get(name) != value
    }
    assert wrong == {}


def test_no_answer_may_be_framed(stack: StackClient, user: User) -> None:
    """S14."""
    for kind, answer in answers_of_every_kind(stack, user).items():
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], kind


def test_every_error_is_a_problem_that_says_nothing_of_the_inside(
    stack: StackClient, user: User
) -> None:
    """S14."""
    inside = ("Traceback", 'File "', "psycopg", "pg8000", "sqlalchemy", "SELECT ", "lambda")
    for kind, answer in answers_of_every_kind(stack, user).items():
        if answer.status >= 400:
            assert answer.headers["content-type"] == "application/problem+json", kind
            assert answer.body["status"] == answer.status
            assert [word for word in inside if word.lower() in answer.text.lower()] == []


def preflight(http: Http, path: str, origin: str) -> HttpAnswer:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    return http.call("OPTIONS", path, headers=headers)


@pytest.mark.parametrize("path", ["/auth/login", "/auth/me", "/alert", "/user/profile"])
def test_only_the_listed_origin_may_call_from_a_browser(
    stack: StackClient, user: User, path: str
) -> None:
    """S14."""
    allowed = preflight(stack.http, path, ALLOWED_ORIGIN)
    assert allowed.status in {200, 204}, allowed
    assert allowed.headers["access-control-allow-origin"] == ALLOWED_ORIGIN
    assert "access-control-allow-credentials" not in allowed.headers
    for origin in (
        "https://evil.example",
        f"{ALLOWED_ORIGIN}.evil.example",
        f"{ALLOWED_ORIGIN}0",
        ALLOWED_ORIGIN.replace("://", "://app."),
        ALLOWED_ORIGIN.replace("http:", "https:"),
        "null",
        "",
    ):
        assert "access-control-allow-origin" not in preflight(stack.http, path, origin).headers
        answer = user.http.get(path, headers={"Origin": origin})
        assert "access-control-allow-origin" not in answer.headers
        assert answer.headers.get("access-control-allow-origin") != "*"


def test_a_browser_sees_the_answer_of_an_allowed_page(user: User) -> None:
    """S14."""
    answer = user.http.get("/auth/me", headers={"Origin": ALLOWED_ORIGIN})
    assert answer.headers["access-control-allow-origin"] == ALLOWED_ORIGIN
    assert "origin" in answer.headers["vary"].lower()
