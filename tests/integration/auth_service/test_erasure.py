"""Users who leave, and what they may take with them."""

import json
from datetime import timedelta
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from auth_service.errors import (
    SessionEndedError,
    WrongCodeError,
    WrongCredentialsError,
    WrongPasswordError,
)
from auth_service.schemas import EraseAccountRequest
from auth_service.use_cases import erasure, two_factor
from goldalert import export
from goldalert.errors import ConflictError
from goldalert.events.catalogue import parse_event
from goldalert.ids import new_id
from tests.support.accounts import NETWORK, PASSWORD, Auth, race

TABLES = (
    "users",
    "sessions",
    "refresh_tokens",
    "tokens",
    "known_networks",
    "two_factor",
    "recovery_codes",
)


def erase(auth: Auth, user_id: UUID, password: str = PASSWORD, totp: str | None = None) -> None:
    erasure.erase_account(
        auth.unit_of_work,
        auth.clock,
        auth.passwords,
        auth.codes,
        auth.session_cache,
        auth.throttle,
        user_id=user_id,
        request=EraseAccountRequest(password=SecretStr(password), totp=totp),
    )


def code(auth: Auth) -> str:
    return f"{int(auth.clock.now().timestamp()) // 30 % 1_000_000:06}"


def switch_two_factor_on(auth: Auth, user_id: UUID) -> None:
    two_factor.set_up(auth.unit_of_work, auth.codes, user_id=user_id)
    auth.verify_email(auth.verification_token())
    auth.enable_two_factor(user_id, code(auth))
    auth.clock.time += timedelta(seconds=30)


def rows(auth: Auth) -> dict[str, int]:
    with auth.engine.begin() as connection:
        return {
            table: connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
            for table in TABLES
        }


def test_nothing_is_left_of_an_erased_user_and_everything_of_others(auth: Auth) -> None:
    """S18."""
    auth.register("eve@example.com")
    auth.login("eve@example.com")
    before = rows(auth)
    auth.register()
    pair = auth.login()
    claims = auth.claims(pair.access_token)
    switch_two_factor_on(auth, pair.user_id)
    assert auth.allows(claims)
    assert all(rows(auth).values())
    erase(auth, pair.user_id, totp=code(auth))
    assert rows(auth) == before
    assert not auth.allows(claims)
    assert auth.session_cache.last_uses([claims.session_id]) == {}
    assert claims.session_id in auth.session_cache.denied  # type: ignore[attr-defined]
    with pytest.raises(SessionEndedError):
        auth.refresh(pair.refresh_token)
    with pytest.raises(WrongCredentialsError):
        auth.login()
    last = parse_event(auth.published()[-1])
    assert (last.event_type, last.data.user_id) == ("user_deleted", pair.user_id)


def test_the_address_is_free_for_somebody_else(auth: Auth) -> None:
    auth.register()
    first = auth.login().user_id
    erase(auth, first)
    auth.register()
    assert auth.login().user_id != first


def test_a_wrong_password_erases_nothing(auth: Auth) -> None:
    auth.register()
    user_id = auth.login().user_id
    with pytest.raises(WrongPasswordError):
        erase(auth, user_id, "wrong password!")
    assert auth.login()


def test_s10_the_last_admin_stays(auth: Auth) -> None:
    for email in ("ada@example.com", "eve@example.com"):
        auth.register(email)
    with auth.engine.begin() as connection:
        connection.execute(text("UPDATE users SET role = 'admin'"))
        ids = list(connection.execute(text("SELECT id FROM users")).scalars())
    order = iter(ids)

    def leave(own: Auth) -> str:
        try:
            erase(own, next(order))
        except ConflictError as error:
            return error.code
        return "gone"

    assert sorted(race(auth, 2, leave)) == ["gone", "last_admin"]


def test_with_a_second_factor_it_takes_a_code_too(auth: Auth) -> None:
    auth.register()
    user_id = auth.login().user_id
    switch_two_factor_on(auth, user_id)
    with pytest.raises(WrongCodeError) as refused:
        erase(auth, user_id)
    assert refused.value.code == "totp_required"
    with pytest.raises(WrongCodeError) as refused:
        erase(auth, user_id, totp="AAAA-AAAA-AAAA-AAAA")
    assert refused.value.code == "wrong_code"
    assert auth.login(totp=code(auth))


def test_users_take_with_them_what_is_held_about_them_and_no_secret(auth: Auth) -> None:
    """S18."""
    auth.register("eve@example.com")
    auth.login("eve@example.com")
    auth.register()
    pair = auth.login()
    auth.logout(UUID(pair.access_token))
    auth.login()
    switch_two_factor_on(auth, pair.user_id)
    part = erasure.export_user(auth.unit_of_work, user_id=pair.user_id)
    assert isinstance(part, dict)
    account, sessions = part["account"], part["sessions"]
    assert isinstance(account, dict)
    assert isinstance(sessions, list)
    assert (account["email"], account["two_factor_enabled"]) == ("ada@example.com", True)
    assert account["created_at"] is not None
    # the one that is over, too: it is still held
    assert len(sessions) == 2
    assert sessions[1]["id"] == pair.access_token
    assert part["truncated"] is False
    exported = json.dumps(part)
    for secret in ("hash of", "sealed", "eve@example.com"):
        assert secret not in exported


def test_a_link_that_was_followed_is_no_session(auth: Auth) -> None:
    auth.register()
    auth.verify_email(auth.verification_token(), network="192.0.2.1")
    auth.clock.time += timedelta(minutes=1)
    user_id = auth.login().user_id
    part = erasure.export_user(auth.unit_of_work, user_id=user_id)
    assert isinstance(part, dict)
    assert isinstance(part["sessions"], list)
    assert isinstance(part["known_networks"], list)
    assert [session["network"] for session in part["sessions"]] == [NETWORK]
    assert [known["network"] for known in part["known_networks"]] == [NETWORK, "192.0.2.1"]


def test_a_long_export_is_cut_and_says_so(auth: Auth, monkeypatch: pytest.MonkeyPatch) -> None:
    """S11."""
    monkeypatch.setattr(erasure, "EXPORT_ROWS", 2)
    monkeypatch.setattr(export, "EXPORT_ROWS", 2)
    auth.register()
    newest = [auth.login() for _ in range(3)][-1]
    part = erasure.export_user(auth.unit_of_work, user_id=newest.user_id)
    assert isinstance(part, dict)
    assert isinstance(part["sessions"], list)
    assert len(part["sessions"]) == 2
    assert part["sessions"][0]["id"] == newest.access_token
    assert part["truncated"] is True


def test_of_somebody_unknown_nothing_is_held(auth: Auth) -> None:
    assert erasure.export_user(auth.unit_of_work, user_id=new_id()) == {}
