"""What admins do with users, and how an admin comes to be."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from auth_service.errors import SessionEndedError, WrongCredentialsError
from auth_service.schemas import AdminLink, ManagedUserChange, ManagedUserView
from auth_service.use_cases import administration
from goldalert.errors import ConflictError, ForbiddenError, NotFoundError
from goldalert.events.catalogue import parse_event
from goldalert.ids import new_id
from tests.support.accounts import Auth, PlainSeal, race


@pytest.fixture
def admin_id(auth: Auth) -> UUID:
    return make_admin(auth, "root@example.com")


def make_admin(auth: Auth, email: str) -> UUID:
    auth.register(email)
    with auth.engine.begin() as connection:
        return connection.execute(
            text("UPDATE users SET role = 'admin' WHERE email = :email RETURNING id"),
            {"email": email},
        ).scalar_one()


def change(auth: Auth, admin_id: UUID, user_id: UUID, **fields: Any) -> ManagedUserView:
    return administration.change_user(
        auth.unit_of_work,
        auth.clock,
        auth.session_cache,
        changed_by=admin_id,
        user_id=user_id,
        request=ManagedUserChange(**fields),
    )


def emails(auth: Auth, q: str | None = None) -> list[str]:
    found = administration.list_users(auth.unit_of_work, part_of_email=q, limit=100, cursor=None)
    return [user.email for user in found.items]


def grant(auth: Auth, email: str) -> AdminLink:
    return administration.grant_admin(
        auth.unit_of_work,
        auth.clock,
        auth.passwords,
        PlainSeal(),
        auth.session_cache,
        email=email,
        api_origin="https://api.example",
    )


def told(auth: Auth) -> list[str]:
    return [parse_event(message).event_type for message in auth.published()]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        (None, ["50%off@example.com", "a_b@example.com", "ada@example.com"]),
        ("ada", ["ada@example.com"]),
        ("ADA@", ["ada@example.com"]),
        ("%", ["50%off@example.com"]),
        ("_", ["a_b@example.com"]),
        ("\\", []),
    ],
)
def test_users_are_found_by_a_part_of_their_address(
    auth: Auth, q: str | None, found: list[str]
) -> None:
    for email in ("ada@example.com", "a_b@example.com", "50%off@example.com"):
        auth.register(email)
    assert emails(auth, q) == found


def test_users_come_in_pages(auth: Auth) -> None:
    for number in range(3):
        auth.register(f"user{number}@example.com")
    cursor, pages = None, []
    while True:
        page = administration.list_users(
            auth.unit_of_work, part_of_email=None, limit=2, cursor=cursor
        )
        pages.append([user.email for user in page.items])
        if (cursor := page.next_cursor) is None:
            break
    assert pages == [["user2@example.com", "user1@example.com"], ["user0@example.com"]]


def test_an_admin_sees_a_user(auth: Auth, admin_id: UUID) -> None:
    auth.register()
    user_id = auth.login().user_id
    seen = administration.get_user(auth.unit_of_work, user_id=user_id)
    assert (seen.email, seen.role, seen.disabled, seen.email_verified, seen.two_factor_enabled) == (
        "ada@example.com",
        "user",
        False,
        False,
        False,
    )
    for action in (
        lambda: administration.get_user(auth.unit_of_work, user_id=new_id()),
        lambda: change(auth, admin_id, new_id(), role="admin"),
    ):
        with pytest.raises(NotFoundError):
            action()


@pytest.mark.parametrize(
    ("field", "reason"), [({"role": "admin"}, "role_changed"), ({"disabled": True}, "disabled")]
)
def test_a_change_holds_at_once_and_is_told(
    auth: Auth, admin_id: UUID, field: dict[str, Any], reason: str
) -> None:
    """S6."""
    auth.register()
    auth.verify_email(auth.verification_token())
    pair = auth.login()
    claims = auth.claims(pair.access_token)
    changed = change(auth, admin_id, pair.user_id, **field)
    assert field.items() <= changed.model_dump().items()
    assert not auth.allows(claims)
    auth.session_cache.denied.clear()  # type: ignore[attr-defined]  # Redis flushed
    assert not auth.allows(claims)
    # a token that somebody forged the role of would not help either
    assert not auth.allows(replace(claims, role="admin"))
    with pytest.raises(SessionEndedError):
        auth.refresh(pair.refresh_token)
    [role_changed, revoked] = [parse_event(message) for message in auth.published()[-2:]]
    assert (role_changed.event_type, role_changed.data.user_id, role_changed.data.changed_by) == (
        "user_role_changed",
        pair.user_id,
        admin_id,
    )
    assert (role_changed.data.role, role_changed.data.disabled) == (changed.role, changed.disabled)
    assert (revoked.event_type, revoked.data.reason) == ("sessions_revoked", reason)


def test_a_disabled_user_signs_in_again_only_when_enabled_again(auth: Auth, admin_id: UUID) -> None:
    """S6."""
    auth.register()
    old = auth.claims(auth.login().access_token)
    change(auth, admin_id, old.user_id, disabled=True)
    with pytest.raises(WrongCredentialsError):
        auth.login()
    change(auth, admin_id, old.user_id, disabled=False)
    assert auth.allows(auth.claims(auth.login().access_token))
    assert not auth.allows(old)


def test_what_changes_nothing_ends_and_tells_nothing(auth: Auth, admin_id: UUID) -> None:
    auth.register()
    claims = auth.claims(auth.login().access_token)
    before = told(auth)
    for fields in ({}, {"role": "user"}, {"disabled": False}):
        change(auth, admin_id, claims.user_id, **fields)
    assert auth.allows(claims)
    assert told(auth) == before


@pytest.mark.parametrize("field", [{"role": "user"}, {"disabled": True}])
def test_an_admin_does_not_demote_or_disable_themselves(
    auth: Auth, admin_id: UUID, field: dict[str, Any]
) -> None:
    with pytest.raises(ConflictError):
        change(auth, admin_id, admin_id, **field)
    assert administration.get_user(auth.unit_of_work, user_id=admin_id).role == "admin"


def test_of_admins_who_demote_each_other_one_remains(auth: Auth, admin_id: UUID) -> None:
    other_id = make_admin(auth, "other@example.com")
    order = iter([(admin_id, other_id), (other_id, admin_id)] * 5)

    def demote(own: Auth) -> None:
        try:
            change(own, *next(order), role="user")
        except ForbiddenError:
            pass

    race(auth, 10, demote)
    roles = [
        administration.get_user(auth.unit_of_work, user_id=user_id).role
        for user_id in (admin_id, other_id)
    ]
    assert sorted(roles) == ["admin", "user"]


def test_who_is_no_admin_any_more_changes_nobody(auth: Auth, admin_id: UUID) -> None:
    auth.register()
    user_id = auth.login().user_id
    for asking in (user_id, new_id()):
        with pytest.raises(ForbiddenError):
            change(auth, asking, user_id, role="admin")


def test_the_first_admin_comes_with_a_link_and_no_password(auth: Auth) -> None:
    """S10."""
    granted = grant(auth, "root@example.com")
    assert granted.link.startswith("https://api.example/auth/password/reset?token=")
    assert granted.expires_at == auth.clock.now() + timedelta(hours=1)
    [user] = administration.list_users(
        auth.unit_of_work, part_of_email=None, limit=2, cursor=None
    ).items
    assert (user.email, user.role, user.email_verified) == ("root@example.com", "admin", True)
    # the profile and the recipient come to be as everybody's do
    assert told(auth) == ["user_registered", "user_role_changed", "user_email_verified"]
    token = granted.link.partition("=")[2]
    assert token not in " ".join(auth.published())


def test_a_user_becomes_admin_and_is_signed_out(auth: Auth, admin_id: UUID) -> None:
    auth.register()
    claims = auth.claims(auth.login().access_token)
    change(auth, admin_id, claims.user_id, disabled=True)
    grant(auth, "ada@example.com")
    user = administration.get_user(auth.unit_of_work, user_id=claims.user_id)
    assert (user.role, user.disabled, user.email_verified) == ("admin", False, True)
    assert not auth.allows(claims)
    change_event = parse_event(auth.published()[-2])
    assert (change_event.event_type, change_event.data.changed_by) == ("user_role_changed", None)


def test_an_admin_who_lost_the_link_gets_another_and_nothing_else_changes(auth: Auth) -> None:
    first = grant(auth, "root@example.com")
    before = told(auth)
    assert grant(auth, "root@example.com").link != first.link
    assert told(auth) == before


def test_a_disabled_admin_is_enabled_again(auth: Auth, admin_id: UUID) -> None:
    other_id = make_admin(auth, "other@example.com")
    change(auth, admin_id, other_id, disabled=True)
    grant(auth, "other@example.com")
    assert not administration.get_user(auth.unit_of_work, user_id=other_id).disabled


@pytest.mark.parametrize("is_known", [False, True])
def test_racing_commands_make_one_admin(auth: Auth, is_known: bool) -> None:
    if is_known:
        auth.register("root@example.com")
    race(auth, 10, lambda own: grant(own, "root@example.com"))
    assert emails(auth) == ["root@example.com"]
    assert told(auth).count("user_registered") == told(auth).count("user_role_changed") == 1
