"""Making an account and signing in, against strangers (S1, S2, S10)."""

import json
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from goldalert_local.client import PASSWORD, HttpAnswer, StackClient, User, reset_token, wait_for
from tests.support.access import login, new_address, register

OTHER_PASSWORD = "silver tarnishes 5 times"


SENTENCE = "the quick onyx goblin jumps over a lazy dwarf "


@pytest.mark.parametrize(
    "password",
    [
        "kW9#vL2$xQ7z",
        (SENTENCE * 3)[:128],
        "密码不是这样选的对吗我说真的",
        "🦊🌵🚲🎷🧊🪁🥨🐙🧭🪐🎻🍋",
        "  blanks at both ends count  ",
    ],
    ids=["12 characters", "128 characters", "Chinese", "emoji", "outer blanks"],
)
def test_a_password_of_12_to_128_characters_of_any_kind_is_good(
    stack: StackClient, password: str
) -> None:
    """S1."""
    address = new_address()
    assert register(stack.elsewhere(), address, password).status == 202
    assert login(stack.elsewhere(), address, password).status == 200
    assert login(stack.elsewhere(), address, password[:-1]).status == 401


@pytest.mark.parametrize(
    "password",
    [
        "kW9#vL2$xQ7",
        (SENTENCE * 3)[:129],
        "🦊" * 11,
        "x" * 10_000,
        "password1234",
        "123456789012",
        "qwertyuiop12",
        "aaaaaaaaaaaa",
        "passwordpassword",
        "P@ssw0rd2026",
        "goldalert2026",
        "GoldPriceAlert1",
        "kestrel.wren",
        "",
    ],
    ids=[
        "11 characters",
        "129 characters",
        "11 emoji",
        "10 kB",
        "common",
        "digits",
        "keyboard",
        "one letter",
        "common, twice",
        "common, spelt otherwise",
        "the product's name",
        "the product's whole name",
        "the address",
        "empty",
    ],
)
def test_a_password_that_is_soon_guessed_is_refused(stack: StackClient, password: str) -> None:
    """S1."""
    address = f"kestrel.wren+{uuid4().hex}@example.com"
    answer = register(stack.elsewhere(), address, password)
    assert answer.status == 422, answer
    assert [error["field"] for error in answer.body["errors"]] == ["password"]
    assert password[:20] not in answer.text or not password
    assert not exists(stack, address)


def exists(stack: StackClient, address: str) -> bool:
    with stack.database("auth_db").connect() as connection:
        found = connection.execute(text("SELECT 1 FROM users WHERE email = :e"), {"e": address})
        return found.first() is not None


def test_passwords_that_differ_only_after_byte_72_differ(stack: StackClient) -> None:
    """S1."""
    address, long = new_address(), SENTENCE * 2
    assert len(long) > 80
    assert register(stack.elsewhere(), address, f"{long}a").status == 202
    assert login(stack.elsewhere(), address, f"{long}b").status == 401
    assert login(stack.elsewhere(), address, f"{long}a").status == 200


@pytest.mark.parametrize("password", ["x" * 10_000, "\x00" * 20, "a" * 1024], ids=len)
def test_a_login_with_any_password_is_a_plain_4xx(stack: StackClient, password: str) -> None:
    """S1."""
    assert login(stack.elsewhere(), new_address(), password).status in {401, 422}


def test_a_weak_password_is_refused_at_a_change_and_a_reset_as_well(stack: StackClient) -> None:
    """S1."""
    user = stack.new_user()
    changed = user.http.post(
        "/auth/password/change", {"current_password": PASSWORD, "password": "password1234"}
    )
    assert changed.status == 422, changed
    stack.elsewhere().post("/auth/password/forgot", {"email": user.email})
    token = reset_token(stack.wait_for_mail(user.email, "password"))
    body = {"token": token, "password": "password1234"}
    assert stack.elsewhere().post("/auth/password/reset", body).status == 422
    # the link is not lost by it
    body["password"] = OTHER_PASSWORD
    assert stack.elsewhere().post("/auth/password/reset", body).status == 200


def shape(answer: HttpAnswer) -> tuple[int, dict[str, Any], set[str]]:
    """All of an answer but what differs by chance."""
    body = {name: value for name, value in answer.body.items() if name != "correlation_id"}
    return answer.status, body, set(answer.headers)


@pytest.mark.parametrize("verified", [True, False])
def test_register_login_and_forgot_answer_alike_for_known_and_unknown_addresses(
    stack: StackClient, verified: bool
) -> None:
    """S2: tests/integration/auth_service compares the work that is done."""
    user = stack.new_user(verified=verified)
    for ask in (
        lambda address: register(stack.elsewhere(), address, OTHER_PASSWORD),
        lambda address: login(stack.elsewhere(), address, OTHER_PASSWORD),
        lambda address: stack.elsewhere().post("/auth/password/forgot", {"email": address}),
    ):
        assert shape(ask(user.email)) == shape(ask(new_address()))
    assert login(stack.elsewhere(), user.email).status == 200, "its password is what it was"


def test_who_owns_an_address_is_told_by_mail_and_nobody_else(stack: StackClient) -> None:
    """S2."""
    user = stack.new_user()
    register(stack.elsewhere(), user.email, OTHER_PASSWORD)
    assert reset_token(stack.wait_for_mail(user.email, "already have an account"))


@pytest.mark.parametrize(
    "address", ["admin@example.com", "admin@goldalert.com", "root@example.com"]
)
@pytest.mark.parametrize("password", ["admin", "password", "changeme", "admin1234567"])
def test_there_is_no_default_admin(stack: StackClient, address: str, password: str) -> None:
    """S10."""
    assert login(stack.elsewhere(), address, password).status == 401


def test_every_admin_was_made_by_somebody_who_may(stack: StackClient) -> None:
    """S10: by the operator's function or by an admin, which the audit log then says of each."""
    assert stack.admin

    def unexplained() -> set[str]:
        with stack.database("auth_db").connect() as connection:
            admins = connection.execute(text("SELECT id FROM users WHERE role = 'admin'"))
            targets = {f"user:{user_id}" for user_id in admins.scalars()}
        with stack.database("admin_db").connect() as connection:
            promoted = connection.execute(
                text(
                    "SELECT target FROM audit_logs "
                    "WHERE action = 'user_role_changed' AND data ->> 'role' = 'admin'"
                )
            )
            return targets - set(promoted.scalars())

    wait_for(lambda: not unexplained(), "the audit log to name every admin")


def test_the_first_admins_link_is_good_for_one_password(stack: StackClient) -> None:
    """S10."""
    address = new_address()
    granted = json.loads(stack.invoke("auth-service-grant-admin", {"email": address}).payload)
    body = {"token": granted["link"].partition("token=")[2], "password": PASSWORD}
    assert stack.elsewhere().post("/auth/password/reset", body).status == 200
    body["password"] = OTHER_PASSWORD
    assert stack.elsewhere().post("/auth/password/reset", body).status == 409
    assert stack.login(address).http.get("/auth/me").body["role"] == "admin"


@pytest.mark.parametrize("path", ["/auth/grant-admin", "/auth/grant_admin", "/auth/admin"])
def test_no_route_makes_an_admin(stack: StackClient, user: User, path: str) -> None:
    """S10."""
    assert stack.elsewhere().post(path, {"email": user.email}).status == 401
    assert user.http.post(path, {"email": user.email}).status == 404
