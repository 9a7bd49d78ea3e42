"""Making an account against a real database."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from auth_service.errors import TokenRefusedError
from auth_service.schemas import Me
from auth_service.use_cases import registration
from goldalert.errors import NotFoundError
from goldalert.events.catalogue import parse_event
from goldalert.ids import new_id
from tests.support.accounts import PASSWORD, Auth, race


def test_registering_publishes_one_event_with_the_sealed_token_and_no_password(auth: Auth) -> None:
    auth.register()
    [message] = auth.published()
    event = parse_event(message)
    assert (event.event_type, event.data.email, event.data.name) == (
        "user_registered",
        "ada@example.com",
        "Ada",
    )
    assert PASSWORD not in message


def test_registering_a_known_address_changes_and_publishes_nothing(auth: Auth) -> None:
    """S2."""
    auth.register()
    auth.register()
    assert len(auth.published()) == 1


def test_no_token_is_stored_in_clear(auth: Auth) -> None:
    """S7."""
    auth.register()
    refresh_token = auth.login().refresh_token
    with auth.engine.begin() as connection:
        stored = connection.execute(
            text("SELECT value FROM tokens UNION ALL SELECT hash FROM refresh_tokens")
        ).scalars()
        assert not {auth.verification_token(), refresh_token} & set(stored)


def test_a_verification_token_works_once(auth: Auth) -> None:
    """S7."""
    auth.register()
    token = auth.verification_token()
    registration.verify_email(auth.unit_of_work, auth.clock, token=token)
    assert [parse_event(m).event_type for m in auth.published()] == [
        "user_registered",
        "user_email_verified",
    ]
    with pytest.raises(TokenRefusedError):
        registration.verify_email(auth.unit_of_work, auth.clock, token=token)


def test_of_twenty_racing_verifications_one_wins(auth: Auth) -> None:
    """S7."""
    auth.register()
    token = auth.verification_token()

    def verify(own: Auth) -> bool:
        try:
            registration.verify_email(own.unit_of_work, own.clock, token=token)
        except TokenRefusedError:
            return False
        return True

    assert sorted(race(auth, 20, verify)) == [False] * 19 + [True]


def test_a_user_sees_their_account(auth: Auth) -> None:
    auth.register()
    user_id = auth.login().user_id
    seen = registration.me(auth.unit_of_work, user_id=user_id)
    assert seen == Me(user_id=user_id, email="ada@example.com", email_verified=False, role="user")
    registration.verify_email(auth.unit_of_work, auth.clock, token=auth.verification_token())
    assert registration.me(auth.unit_of_work, user_id=user_id).email_verified


def test_an_erased_user_has_no_account(auth: Auth) -> None:
    with pytest.raises(NotFoundError):
        registration.me(auth.unit_of_work, user_id=new_id())


def test_an_old_verification_token_is_refused(auth: Auth) -> None:
    auth.register()
    token = auth.verification_token()
    auth.clock.time += timedelta(days=3)
    with pytest.raises(TokenRefusedError):
        registration.verify_email(auth.unit_of_work, auth.clock, token=token)
