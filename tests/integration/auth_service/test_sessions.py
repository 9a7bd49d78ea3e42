"""Signing in, staying signed in and signing out against a real database."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from auth_service.errors import SessionEndedError, WrongCredentialsError
from goldalert.secrets import DatabaseSecret
from tests.support.accounts import PASSWORD, Auth, race


@pytest.mark.parametrize(
    ("email", "password"), [("ada@example.com", "wrong password!"), ("eve@example.com", PASSWORD)]
)
def test_wrong_credentials_are_refused_alike(auth: Auth, email: str, password: str) -> None:
    """S2."""
    auth.register()
    with pytest.raises(WrongCredentialsError, match="The address or the password is wrong"):
        auth.login(email, password)


def test_a_logout_ends_the_session_at_once(auth: Auth) -> None:
    """S6."""
    auth.register()
    claims = auth.claims(auth.login().access_token)
    assert auth.allows(claims)
    auth.logout(claims.session_id)
    assert not auth.allows(claims)


def test_one_logout_leaves_the_other_session_alone(auth: Auth) -> None:
    auth.register()
    phone, desk = auth.claims(auth.login().access_token), auth.claims(auth.login().access_token)
    auth.logout(phone.session_id)
    assert auth.allows(desk)


@pytest.mark.parametrize("change", ["role = 'admin'", "disabled = true", "session_version = 2"])
def test_a_changed_account_ends_what_tokens_claimed(
    auth: Auth, change: str, postgres: DatabaseSecret
) -> None:
    """S6."""
    auth.register()
    claims = auth.claims(auth.login().access_token)
    with auth.engine.begin() as connection:
        connection.execute(text(f"UPDATE users SET {change}"))
    assert not auth.allows(claims)


def test_a_session_expires(auth: Auth) -> None:
    auth.register()
    claims = auth.claims(auth.login().access_token)
    auth.clock.time += timedelta(days=31)
    assert not auth.allows(claims)


def test_a_refresh_token_is_exchanged_and_its_reuse_ends_the_session(auth: Auth) -> None:
    """S5."""
    auth.register()
    first = auth.login()
    second = auth.refresh(first.refresh_token)
    claims = auth.claims(second.access_token)
    assert auth.allows(claims)
    auth.clock.time += timedelta(seconds=11)
    with pytest.raises(SessionEndedError):
        auth.refresh(first.refresh_token)
    assert not auth.allows(claims)
    with pytest.raises(SessionEndedError):
        auth.refresh(second.refresh_token)


@pytest.mark.parametrize("later", [timedelta(0), timedelta(days=1)], ids=["at once", "a day later"])
@pytest.mark.parametrize("exchanges", [2, 3])
def test_a_token_whose_successor_was_used_ends_the_session(
    auth: Auth, exchanges: int, later: timedelta
) -> None:
    """S5: a thief who refreshes on and on is found out when the owner comes with the old token."""
    auth.register()
    stolen = newest = auth.login()
    for _ in range(exchanges):
        newest = auth.refresh(newest.refresh_token)
    claims = auth.claims(newest.access_token)
    auth.clock.time += later
    with pytest.raises(SessionEndedError):
        auth.refresh(stolen.refresh_token)
    assert not auth.allows(claims)
    with pytest.raises(SessionEndedError):
        auth.refresh(newest.refresh_token)


@pytest.mark.parametrize("tabs", [2, 20])
def test_parallel_refreshes_all_end_well(auth: Auth, tabs: int) -> None:
    """S5."""
    auth.register()
    first = auth.login()
    pairs = race(auth, tabs, lambda own: own.refresh(first.refresh_token))
    assert len({pair.refresh_token for pair in pairs}) == tabs
    assert auth.allows(auth.claims(first.access_token))
    auth.clock.time += timedelta(minutes=15)
    assert auth.refresh(pairs[-1].refresh_token)


def test_two_who_hold_a_token_each_of_one_exchange_are_found_out(auth: Auth) -> None:
    """S5: a thief who was as quick as the owner."""
    auth.register()
    first = auth.login()
    owners, thiefs = auth.refresh(first.refresh_token), auth.refresh(first.refresh_token)
    auth.refresh(thiefs.refresh_token)
    auth.clock.time += timedelta(minutes=15)
    with pytest.raises(SessionEndedError):
        auth.refresh(owners.refresh_token)
    assert not auth.allows(auth.claims(first.access_token))


def test_a_reused_token_of_one_session_leaves_the_other_alone(auth: Auth) -> None:
    auth.register()
    phone, desk = auth.login(), auth.login()
    auth.refresh(auth.refresh(phone.refresh_token).refresh_token)
    with pytest.raises(SessionEndedError):
        auth.refresh(phone.refresh_token)
    assert auth.refresh(desk.refresh_token)


def test_a_session_that_is_over_is_not_refreshed(auth: Auth) -> None:
    """S6."""
    auth.register()
    pair = auth.login()
    claims = auth.claims(pair.access_token)
    auth.logout(claims.session_id)
    with pytest.raises(SessionEndedError):
        auth.refresh(pair.refresh_token)
