"""Making an account against a real database."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from auth_service.errors import TokenRefusedError
from auth_service.schemas import Me
from auth_service.use_cases import registration
from goldalert.errors import InvalidFieldError, NotFoundError
from goldalert.events.catalogue import parse_event
from goldalert.events.users import PasswordResetRequestedV1
from goldalert.ids import new_id
from tests.support.accounts import PASSWORD, Auth, race, statements


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


def test_registering_a_known_address_changes_nothing_and_sends_a_link_to_reset(auth: Auth) -> None:
    """S2."""
    auth.register()
    auth.register(password="another battery, horse")
    assert auth.login().user_id
    known = auth.events()[1]
    assert isinstance(known, PasswordResetRequestedV1)
    assert (known.data.user_id, known.data.reason) == (auth.login().user_id, "registered_again")
    auth.reset(auth.reset_token(), "a wholly different one")
    assert auth.login(password="a wholly different one")


def test_registering_takes_the_same_work_for_a_known_address(auth: Auth) -> None:
    """S2."""
    with statements(auth.engine) as first:
        auth.register()
    with statements(auth.engine) as second:
        auth.register()
    assert first == second
    assert len(auth.events()) == 2


@pytest.mark.parametrize("known", ["ada@example.com", "eve@example.com"])
def test_a_weak_password_is_refused_before_anybody_looks_for_the_address(
    auth: Auth, known: str
) -> None:
    """S1, S2."""
    auth.register()
    with statements(auth.engine) as asked, pytest.raises(InvalidFieldError) as refused:
        auth.register(known, "password1234")
    assert (refused.value.field, asked) == ("password", [])


def test_another_link_to_verify_ends_the_older_ones(auth: Auth) -> None:
    """S7."""
    auth.register()
    user_id = auth.login().user_id
    first = auth.verification_token()
    auth.resend_verification(user_id)
    second = auth.verification_token()
    assert [event.event_type for event in auth.events()][1:] == ["email_verification_requested"]
    with pytest.raises(TokenRefusedError):
        auth.verify_email(first)
    auth.verify_email(second)


def test_a_verified_address_gets_no_other_link(auth: Auth) -> None:
    auth.register()
    user_id = auth.login().user_id
    auth.verify_email(auth.verification_token())
    auth.resend_verification(user_id)
    assert len(auth.events()) == 2


def test_of_twenty_racing_resends_one_link_remains(auth: Auth) -> None:
    """S7."""
    auth.register()
    user_id = auth.login().user_id
    race(auth, 20, lambda own: own.resend_verification(user_id))
    with auth.engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM tokens")).scalar() == 1


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
    auth.verify_email(token)
    assert [parse_event(m).event_type for m in auth.published()] == [
        "user_registered",
        "user_email_verified",
    ]
    with pytest.raises(TokenRefusedError):
        auth.verify_email(token)


def test_of_twenty_racing_verifications_one_wins(auth: Auth) -> None:
    """S7."""
    auth.register()
    token = auth.verification_token()

    def verify(own: Auth) -> bool:
        try:
            own.verify_email(token)
        except TokenRefusedError:
            return False
        return True

    assert sorted(race(auth, 20, verify)) == [False] * 19 + [True]


def test_a_user_sees_their_account(auth: Auth) -> None:
    auth.register()
    user_id = auth.login().user_id
    seen = registration.me(auth.unit_of_work, user_id=user_id)
    assert seen == Me(user_id=user_id, email="ada@example.com", email_verified=False, role="user")
    auth.verify_email(auth.verification_token())
    assert registration.me(auth.unit_of_work, user_id=user_id).email_verified


def test_an_erased_user_has_no_account(auth: Auth) -> None:
    with pytest.raises(NotFoundError):
        registration.me(auth.unit_of_work, user_id=new_id())


def test_an_old_verification_token_is_refused(auth: Auth) -> None:
    auth.register()
    token = auth.verification_token()
    auth.clock.time += timedelta(days=3)
    with pytest.raises(TokenRefusedError):
        auth.verify_email(token)
