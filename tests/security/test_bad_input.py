"""Any input gets a 2xx or 4xx that the OpenAPI document knows, and never a 5xx (S19).

`make fuzz` tries more of it, and something else each time.
"""

import os
from collections import Counter
from typing import Any
from uuid import uuid4

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from requests.adapters import HTTPAdapter
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from goldalert_local.client import HttpAnswer, StackClient, User, wait_for
from tests.support.access import ROUTES, login, register

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES") or 8)
"""For each route, half of them right by the document and half of them wrong."""

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


class FromNetwork(HTTPAdapter):
    """Calls from an address of its own, which is not throttled for what others did."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, source_address=(self._address, 0), **kwargs)


@pytest.fixture(scope="module")
def api(stack: StackClient) -> Any:
    return schemathesis.openapi.from_dict(stack.http.get("/openapi.json").body)


@pytest.fixture(scope="module")
def user(stack: StackClient) -> User:
    return stack.new_user(verified=False)


class Sender:
    """Sends as who may call the route, so that the input is read at all."""

    def __init__(self, stack: StackClient, name: str, admin: User) -> None:
        self._stack = stack
        self._who = ROUTES[name].who
        self._user = admin if self._who == "admin" else self._new_user()

    def send(self, case: Case) -> requests.Response:
        headers = {} if self._who == "anybody" else dict(self._user.http.headers)
        with requests.Session() as session:
            session.trust_env = False
            session.mount("http://", FromNetwork(self._stack.new_network()))
            base_url = self._stack.description["api_url"]
            response = case.call(base_url, session, headers, timeout=30)
        if response.status_code in {401, 429} and self._who != "anybody":
            # an input before has ended the session, or there were too many
            self._user = self._stack.new_admin() if self._who == "admin" else self._new_user()
        return response

    def _new_user(self) -> User:
        return self._stack.new_user(verified=False)


@pytest.mark.parametrize("name", ROUTES)
def test_any_input_gets_an_answer_of_the_document(
    stack: StackClient,
    api: Any,
    admin: User,
    name: str,
    record_property: Any,
) -> None:
    """S19."""
    method, path = name.split(" ")
    operation = api[path][method]
    sender = Sender(stack, name, admin)
    statuses: Counter[int] = Counter()
    cases = st.one_of(
        operation.as_strategy(GenerationMode.POSITIVE),
        operation.as_strategy(GenerationMode.NEGATIVE),
    )

    @settings(
        # each of these costs a new user
        max_examples=EXAMPLES // 4 if ROUTES[name].fresh else EXAMPLES,
        derandomize="FUZZ_EXAMPLES" not in os.environ,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(cases)
    def try_one(case: Case) -> None:
        response = sender.send(case)
        statuses[response.status_code] += 1
        # that a service says 503 of itself is no failure of the route
        case.validate_response(response, checks=CHECKS[1:] if "/health" in path else CHECKS)

    try:
        try_one()
    finally:
        record_property("inputs", dict(statuses))
    assert set(statuses) != {429}, "throttled, so nothing was tried"


AUTH_AND_USER = [
    name
    for name, row in ROUTES.items()
    if row.body is not None and name.split("/")[1] in {"auth", "user"} and row.who != "admin"
]

ODD_BODIES = {
    "nothing": b"",
    "cut off": b'{"email": "a@exam',
    "null": b"null",
    "a number": b"1e999",
    "a list": b"[{}]",
    "a string": b'"{}"',
    "NaN": b'{"email": NaN}',
    "invalid UTF-8": b'{"email": "\xff\xfe@example.com"}',
    "UTF-16": '{"email": "a@example.com"}'.encode("utf-16"),
    "a NUL": b'{"email": "a\x00@example.com"}',
    "deep lists": b'{"email": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "deep objects": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "a form": b"email=a%40example.com&password=x",
    "over 64 KiB": b'{"email": "' + b"a" * 70_000 + b'"}',
    "1 MB": b"[" + b"1," * 500_000 + b"1]",
}


@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=ODD_BODIES.keys())
def test_an_odd_body_is_refused_on_every_route_of_accounts(
    stack: StackClient, user: User, body: bytes
) -> None:
    """S19, S11."""
    for name in AUTH_AND_USER:
        answer = call(stack, user, name, raw=body)
        assert is_problem(answer, {400, 413, 422}), (name, answer)


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        -0.5,
        True,
        [],
        {},
        [["x"]],
        {"$ne": ""},
        "\x00",
        "\u0000x",
        "\ud800",
        "\u202etxt.exe",
    ],
    ids=repr,
)
def test_a_value_of_the_wrong_kind_is_refused_or_taken_and_breaks_nothing(
    stack: StackClient, user: User, value: Any
) -> None:
    """S19: in each field of each body in turn."""
    for name in AUTH_AND_USER:
        body = ROUTES[name].body or {}
        for field in body:
            answer = call(stack, user, name, {**body, field: value})
            # null is how an optional field is left out, and a name may be written from the right
            is_right = answer.status < 300 and (value is None or isinstance(value, str))
            assert is_right or is_problem(answer, {400, 401, 403, 409, 422}), (name, field, answer)


def call(stack: StackClient, user: User, name: str, body: Any = None, **more: Any) -> HttpAnswer:
    method, path = name.split(" ")
    http = stack.elsewhere() if ROUTES[name].who == "anybody" else user.http
    return http.call(method, path, body, **more)


def is_problem(answer: HttpAnswer, statuses: set[int]) -> bool:
    return (
        answer.status in statuses and answer.headers["content-type"] == "application/problem+json"
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "a\x00b"),
        ("name", "a\x1bb"),
        ("name", "a\r\nBcc: x"),
        ("name", "\ud800"),
        # a text of any number of lines, which stands in no mail: all but what cannot be stored
        ("bio", "a\x00b"),
        ("bio", "\ud800"),
    ],
    ids=repr,
)
def test_control_characters_get_into_no_profile(user: User, field: str, value: str) -> None:
    """S19, S13."""
    wait_for(lambda: user.http.get("/user/profile").status == 200, "the profile")
    before = user.http.get("/user/profile").body
    answer = user.http.patch("/user/profile", {field: value})
    assert is_problem(answer, {400, 422}), answer
    assert user.http.get("/user/profile").body == before


@pytest.mark.parametrize(
    ("given", "same"),
    [
        ("Ada.{id}@Example.COM", "ada.{id}@example.com"),
        ("  ada.{id}@example.com ", "ada.{id}@example.com"),
        ("ada.{id}@exämple.com", "ada.{id}@xn--exmple-cua.com"),
        ("ada.{id}@EXÄMPLE.com", "ada.{id}@exämple.com"),
        ("ada.{id}@例え.テスト.com", "ada.{id}@xn--r8jz45g.xn--zckzah.com"),
    ],
)
def test_one_mailbox_is_one_account_however_it_is_written(
    stack: StackClient, given: str, same: str
) -> None:
    unique = uuid4().hex
    given, same = given.format(id=unique), same.format(id=unique)
    assert register(stack.elsewhere(), given).status == 202
    first = login(stack.elsewhere(), same)
    assert first.status == 200, first
    assert register(stack.elsewhere(), same, "silver tarnishes 5 times").status == 202
    again = login(stack.elsewhere(), given)
    assert (again.status, again.body["user_id"]) == (200, first.body["user_id"])


@pytest.mark.parametrize(
    "address",
    [
        "",
        "@",
        "ada",
        "ada@",
        "@example.com",
        "ada@@example.com",
        "ada@example",
        "ada@exa mple.com",
        "ada lovelace@example.com",
        "ada\n@example.com",
        "ada\x00@example.com",
        "ada@example.com\r\nBcc: eve@example.com",
        "ada@example.com,eve@example.com",
        "Ada <ada@example.com>",
        "ада@example.com",
        "ada@[127.0.0.1]",
        "ada@-example.com",
        "ada@example..com",
        ".ada@example.com",
        "a" * 65 + "@example.com",
        "ada@" + "a" * 64 + ".com",
        "ada@" + "a." * 130 + "com",
        "ada@\u202eexample.com",
        "ada@exam\u200bple.com",
    ],
    ids=ascii,
)
def test_what_is_no_address_gets_no_account(stack: StackClient, address: str) -> None:
    """S19."""
    for ask in (
        register(stack.elsewhere(), address),
        login(stack.elsewhere(), address),
        stack.elsewhere().post("/auth/password/forgot", {"email": address}),
    ):
        assert is_problem(ask, {422}), ask
        assert [error["field"] for error in ask.body["errors"]] == ["email"]
