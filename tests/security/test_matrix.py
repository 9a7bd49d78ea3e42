"""Every route with every role and owner (S8). The rows stand in tests/support/access.py."""

import re
from collections.abc import Callable

import pytest

from goldalert_local.client import HttpAnswer, StackClient, User, expect, wait_for
from tests.support.access import ALERT, ANY_ID, ROUTES

NOT_ANYBODY = [name for name, row in ROUTES.items() if row.who != "anybody"]


def rows_for(*who: str) -> list[str]:
    return [name for name, row in ROUTES.items() if row.who in who]


@pytest.fixture(scope="module")
def owner(stack: StackClient) -> User:
    return stack.new_user()


@pytest.fixture(scope="module")
def foreigner(stack: StackClient) -> User:
    return stack.new_user(verified=False)


@pytest.fixture
def make(owner: User, stack: StackClient) -> dict[str, Callable[[], str]]:
    """Make something that is the owner's, and return its id."""

    def alert() -> str:
        return str(owner.http.post("/alert", ALERT).body["id"])

    def notification() -> str:
        def newest() -> str | None:
            items = owner.http.get("/notification").body["items"]
            return items[0]["id"] if items else None

        return wait_for(newest, "a notification")

    def session() -> str:
        return str(stack.login(owner.email).http.get("/auth/validate").body["session_id"])

    return {"alert": alert, "notification": notification, "session": session}


def call(user: User | None, stack: StackClient, name: str, an_id: str = ANY_ID) -> HttpAnswer:
    http = user.http if user else stack.elsewhere()
    method, path = name.split(" ")
    return http.call(
        method, re.sub(r"\{\w+\}", an_id, path) + ROUTES[name].query, ROUTES[name].body
    )


def test_the_matrix_is_that_of_the_running_api(stack: StackClient) -> None:
    """S8."""
    paths = stack.http.get("/openapi.json").body["paths"]
    assert set(ROUTES) == {
        f"{method.upper()} {path}" for path, operations in paths.items() for method in operations
    }


@pytest.mark.parametrize("name", rows_for("anybody"))
def test_anybody_may_call_a_public_route(stack: StackClient, foreigner: User, name: str) -> None:
    """S8."""
    for caller in (None, foreigner):
        answer = call(caller, stack, name)
        assert answer.status == ROUTES[name].status, answer


@pytest.mark.parametrize("name", NOT_ANYBODY)
def test_nobody_gets_in_without_a_token(stack: StackClient, name: str) -> None:
    """S8."""
    answer = call(None, stack, name)
    assert (answer.status, answer.body["code"]) == (401, "unauthorized"), answer


@pytest.mark.parametrize("name", rows_for("admin"))
def test_an_admins_route_is_for_admins(
    stack: StackClient, foreigner: User, admin: User, name: str
) -> None:
    """S8."""
    refused = call(foreigner, stack, name)
    assert (refused.status, refused.body["code"]) == (403, "forbidden"), refused
    answer = call(admin, stack, name)
    assert answer.status == ROUTES[name].status, answer


@pytest.mark.parametrize("name", rows_for("owner"))
def test_what_is_a_users_exists_for_nobody_else(
    stack: StackClient,
    owner: User,
    foreigner: User,
    admin: User,
    make: dict[str, Callable[[], str]],
    name: str,
) -> None:
    """S8."""
    row = ROUTES[name]
    an_id = make[row.resource]()
    missing = call(owner, stack, name, ANY_ID)
    assert (missing.status, missing.body["code"]) == (404, "not_found"), missing
    for caller in (foreigner, admin):
        answer = call(caller, stack, name, an_id)
        assert answer.status == 404, answer
        assert without_ids(answer) == without_ids(missing), "a foreign one looks like a missing one"
    answer = call(owner, stack, name, an_id)
    assert answer.status == row.status, answer


def without_ids(answer: HttpAnswer) -> dict[str, str]:
    return {name: value for name, value in answer.body.items() if name != "correlation_id"}


@pytest.mark.parametrize("name", rows_for("signed in"))
def test_a_users_own_route_shows_nothing_of_others(
    stack: StackClient, owner: User, foreigner: User, name: str
) -> None:
    """S8."""
    row = ROUTES[name]
    caller = stack.new_user(verified=False) if row.fresh else foreigner
    wait_for(lambda: caller.http.get("/user/profile").status == 200, "the profile")
    answer = call(caller, stack, name)
    assert answer.status == row.status, answer
    assert owner.user_id not in answer.text
    assert owner.email not in answer.text
    expect(owner.http.get("/auth/me").status == 200, "what the caller did is no matter of others")
