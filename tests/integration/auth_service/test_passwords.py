"""Forgotten, new and changed passwords against a real database."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from auth_service.errors import (
    SessionEndedError,
    TokenRefusedError,
    WrongCredentialsError,
    WrongPasswordError,
)
from goldalert.errors import InvalidFieldError
from goldalert.events.users import PasswordResetRequestedV1, SessionsRevokedV1
from tests.support.accounts import NETWORK, PASSWORD, Auth, PlainPasswords, race, statements

NEW_PASSWORD = "eleven purple elephants"


def succeeds(action: Callable[[], object], *refusals: type[Exception]) -> bool:
    try:
        action()
    except refusals:
        return False
    return True


def test_a_forgotten_password_is_replaced_through_the_link(auth: Auth) -> None:
    auth.register()
    auth.forget()
    event = auth.events()[-1]
    assert isinstance(event, PasswordResetRequestedV1)
    assert event.data.reason == "forgotten"
    auth.reset(auth.reset_token(), NEW_PASSWORD)
    assert auth.login(password=NEW_PASSWORD).user_id == event.data.user_id
    with pytest.raises(WrongCredentialsError):
        auth.login()


def test_forgetting_takes_the_same_work_for_an_unknown_address(auth: Auth) -> None:
    """S2."""
    auth.register()
    with statements(auth.engine) as known:
        auth.forget()
    with statements(auth.engine) as unknown:
        auth.forget("eve@example.com")
    assert known == unknown
    decoy = auth.events()[-1]
    assert isinstance(decoy, PasswordResetRequestedV1)
    assert decoy.data.user_id is None
    with pytest.raises(TokenRefusedError):
        auth.reset(auth.reset_token(), NEW_PASSWORD)


def test_no_reset_token_is_stored_in_clear(auth: Auth) -> None:
    """S7."""
    auth.register()
    auth.forget()
    with auth.engine.begin() as connection:
        stored = connection.execute(text("SELECT value FROM tokens")).scalars().all()
    assert auth.reset_token() not in stored


def test_a_reset_ends_all_sessions_and_verifies_the_address(auth: Auth) -> None:
    """S6."""
    auth.register()
    pair = auth.login()
    claims = auth.claims(pair.access_token)
    auth.forget()
    auth.reset(auth.reset_token(), NEW_PASSWORD)
    assert not auth.allows(claims)
    with pytest.raises(SessionEndedError):
        auth.refresh(pair.refresh_token)
    verified, revoked = auth.events()[-1], auth.events()[-2]
    assert verified.event_type == "user_email_verified"
    assert isinstance(revoked, SessionsRevokedV1)
    assert (revoked.data.session_ids, revoked.data.reason) == (None, "password_reset")


def test_a_reset_of_a_verified_address_verifies_it_no_second_time(auth: Auth) -> None:
    auth.register()
    auth.verify_email(auth.verification_token())
    auth.forget()
    auth.reset(auth.reset_token(), NEW_PASSWORD)
    assert [e.event_type for e in auth.events()].count("user_email_verified") == 1


def test_a_reset_ends_all_links_that_were_sent(auth: Auth) -> None:
    """S7."""
    auth.register()
    auth.forget()
    older = auth.reset_token()
    auth.forget()
    auth.reset(auth.reset_token(), NEW_PASSWORD)
    with pytest.raises(TokenRefusedError):
        auth.reset(older, "somebody else's choice")
    with pytest.raises(TokenRefusedError):
        auth.verify_email(auth.verification_token())


def test_a_reset_token_lives_for_an_hour(auth: Auth) -> None:
    """S7."""
    auth.register()
    auth.forget()
    auth.clock.time += timedelta(minutes=61)
    with pytest.raises(TokenRefusedError):
        auth.reset(auth.reset_token(), NEW_PASSWORD)


def test_a_verification_token_resets_no_password(auth: Auth) -> None:
    """S7."""
    auth.register()
    with pytest.raises(TokenRefusedError):
        auth.reset(auth.verification_token(), NEW_PASSWORD)


@pytest.mark.parametrize("password", ["ada.example.com", "goldalert2026", "passwordpassword"])
def test_a_weak_password_leaves_the_link_as_good_as_it_was(auth: Auth, password: str) -> None:
    """S1."""
    auth.register()
    auth.forget()
    with pytest.raises(InvalidFieldError) as refused:
        auth.reset(auth.reset_token(), password)
    assert refused.value.field == "password"
    auth.reset(auth.reset_token(), NEW_PASSWORD)


def test_of_twenty_racing_resets_one_wins(auth: Auth) -> None:
    """S7."""
    auth.register()
    auth.forget()
    token = auth.reset_token()
    passwords = [f"eleven purple elephants {number}" for number in range(20)]

    def reset(own: Auth) -> str | None:
        password = passwords.pop()
        is_set = succeeds(lambda: own.reset(token, password), TokenRefusedError)
        return password if is_set else None

    [winner] = [password for password in race(auth, 20, reset) if password]
    assert auth.login(password=winner)


def test_of_twenty_links_that_race_one_wins(auth: Auth) -> None:
    """S7: and none waits for another in a circle."""
    auth.register()
    tokens = []
    for _ in range(20):
        auth.forget()
        tokens.append(auth.reset_token())

    def reset(own: Auth) -> bool:
        token = tokens.pop()
        return succeeds(lambda: own.reset(token, NEW_PASSWORD), TokenRefusedError)

    assert sorted(race(auth, 20, reset)) == [False] * 19 + [True]


def test_a_changed_password_ends_the_other_sessions_and_keeps_this_one(auth: Auth) -> None:
    """S6."""
    auth.register()
    here, there = auth.login(), auth.login()
    claims_here, claims_there = auth.claims(here.access_token), auth.claims(there.access_token)
    pair = auth.change_password(claims_here, NEW_PASSWORD)
    assert not auth.allows(claims_there)
    with pytest.raises(SessionEndedError):
        auth.refresh(there.refresh_token)
    # the token of before is void, even of this session; the new one is good
    assert not auth.allows(claims_here)
    assert auth.allows(auth.claims(pair.access_token))
    assert pair.access_token == here.access_token == str(claims_here.session_id)
    assert auth.refresh(pair.refresh_token)
    assert auth.login(password=NEW_PASSWORD)
    revoked = auth.events()[-1]
    assert isinstance(revoked, SessionsRevokedV1)
    assert revoked.data.session_ids == (claims_there.session_id,)
    assert revoked.data.reason == "password_changed"


def test_a_changed_password_ends_the_links_to_reset_it(auth: Auth) -> None:
    """S7."""
    auth.register()
    auth.forget()
    auth.change_password(auth.claims(auth.login().access_token), NEW_PASSWORD)
    with pytest.raises(TokenRefusedError):
        auth.reset(auth.reset_token(), "somebody else's choice")


def test_who_does_not_know_the_password_does_not_change_it(auth: Auth) -> None:
    auth.register()
    claims = auth.claims(auth.login().access_token)
    with pytest.raises(WrongPasswordError):
        auth.change_password(claims, NEW_PASSWORD, current="not the password")
    assert auth.login()


@pytest.mark.parametrize("password", ["ada.example.com", "goldalert2026", "passwordpassword"])
def test_a_password_is_not_changed_to_a_weak_one(auth: Auth, password: str) -> None:
    """S1."""
    auth.register()
    claims = auth.claims(auth.login().access_token)
    with pytest.raises(InvalidFieldError) as refused:
        auth.change_password(claims, password)
    assert refused.value.field == "password"
    assert auth.allows(claims)


def test_of_twenty_racing_changes_one_wins(auth: Auth) -> None:
    auth.register()
    claims = auth.claims(auth.login().access_token)
    passwords = [f"eleven purple elephants {number}" for number in range(20)]

    def change(own: Auth) -> str | None:
        password = passwords.pop()
        is_set = succeeds(lambda: own.change_password(claims, password), WrongPasswordError)
        return password if is_set else None

    [winner] = [password for password in race(auth, 20, change) if password]
    assert auth.login(password=winner)


def test_no_login_with_the_old_password_survives_a_change(auth: Auth) -> None:
    """S6: also of those that were under way."""
    auth.register()
    claims = auth.claims(auth.login().access_token)
    first = [True]

    def act(own: Auth) -> str | None:
        if first and first.pop():
            own.change_password(claims, NEW_PASSWORD)
            return None
        try:
            return own.login().refresh_token
        except WrongCredentialsError:
            return None

    for refresh_token in filter(None, race(auth, 20, act)):
        with pytest.raises(SessionEndedError):
            auth.refresh(refresh_token)


def test_a_hash_that_a_login_replaces_meanwhile_is_no_change_of_the_password(auth: Auth) -> None:
    auth.register()
    claims = auth.claims(auth.login().access_token)

    class SlowPasswords(PlainPasswords):
        def hash(self, password: str) -> str:
            with auth.engine.begin() as connection:
                connection.execute(text("UPDATE users SET password_hash = 'a better one'"))
            return super().hash(password)

    auth.passwords = SlowPasswords()
    auth.change_password(claims, NEW_PASSWORD)
    assert auth.login(password=NEW_PASSWORD)


class CheaperPasswords(PlainPasswords):
    """Knows hashes of before as cheap ones."""

    def hash(self, password: str) -> str:
        return f"better hash of {password}"

    def verify(self, password: str, password_hash: str | None) -> bool:
        return password_hash in {f"hash of {password}", f"better hash of {password}"}

    def is_cheap(self, password_hash: str) -> bool:
        return not password_hash.startswith("better")


def stored_hash(auth: Auth) -> str:
    with auth.engine.begin() as connection:
        return str(connection.execute(text("SELECT password_hash FROM users")).scalar())


def test_a_cheap_hash_is_replaced_at_a_good_login_only(auth: Auth) -> None:
    auth.register()
    auth.passwords = CheaperPasswords()
    with pytest.raises(WrongCredentialsError):
        auth.login(password="not the password")
    assert stored_hash(auth) == f"hash of {PASSWORD}"
    claims = auth.claims(auth.login(network=NETWORK).access_token)
    assert stored_hash(auth) == f"better hash of {PASSWORD}"
    assert auth.allows(claims)
    assert auth.login()
