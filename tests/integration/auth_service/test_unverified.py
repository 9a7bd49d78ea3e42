"""Accounts whose address nobody has shown to be theirs: a stranger may have registered them."""

from uuid import UUID

import pytest
from sqlalchemy import text

from auth_service.errors import SessionEndedError, TokenRefusedError, WrongCredentialsError
from auth_service.schemas import AdminLink, ManagedUserChange
from auth_service.use_cases import administration, two_factor
from goldalert.errors import ConflictError
from tests.support.accounts import PASSWORD, Auth, PlainSeal

OWN_PASSWORD = "eleven purple elephants"


@pytest.fixture
def stranger_id(auth: Auth) -> UUID:
    """A stranger who registered Ada's address, signed in, and has a second factor."""
    auth.register()
    user_id = auth.login().user_id
    two_factor.set_up(auth.unit_of_work, auth.codes, user_id=user_id)
    with auth.engine.begin() as connection:
        # as it was when an address needed no verification for it
        connection.execute(text("UPDATE two_factor SET enabled_at = now()"))
    return user_id


def code(auth: Auth) -> str:
    return f"{int(auth.clock.now().timestamp()) // 30 % 1_000_000:06}"


def grant(auth: Auth) -> AdminLink:
    return administration.grant_admin(
        auth.unit_of_work,
        auth.clock,
        auth.passwords,
        PlainSeal(),
        auth.session_cache,
        email="ada@example.com",
        api_origin="https://api.example",
    )


@pytest.mark.parametrize("was_admin", [False, True])
def test_s10_who_registered_the_address_of_an_admin_to_be_keeps_nothing(
    auth: Auth, stranger_id: UUID, was_admin: bool
) -> None:
    if was_admin:
        with auth.engine.begin() as connection:
            connection.execute(text("UPDATE users SET role = 'admin'"))
    pair = auth.login(totp=code(auth))
    claims = auth.claims(pair.access_token)
    auth.forget()
    links = auth.verification_token(), auth.reset_token()
    granted = grant(auth)
    for totp in (None, code(auth)):
        with pytest.raises(WrongCredentialsError):
            auth.login(totp=totp)
    assert not auth.allows(claims)
    with pytest.raises(SessionEndedError):
        auth.refresh(pair.refresh_token)
    with pytest.raises(TokenRefusedError):
        auth.verify_email(links[0])
    with pytest.raises(TokenRefusedError):
        auth.reset(links[1], OWN_PASSWORD)
    auth.reset(granted.link.partition("=")[2], OWN_PASSWORD)
    assert auth.login(password=OWN_PASSWORD)


def test_s10_who_showed_that_the_address_is_theirs_keeps_their_password(auth: Auth) -> None:
    auth.register()
    auth.verify_email(auth.verification_token())
    grant(auth)
    assert auth.login()


def test_s10_no_admin_is_made_of_who_may_be_anybody(auth: Auth, stranger_id: UUID) -> None:
    auth.register("root@example.com")
    with auth.engine.begin() as connection:
        root_id = connection.execute(
            text("UPDATE users SET role = 'admin' WHERE email = 'root@example.com' RETURNING id")
        ).scalar_one()

    def promote() -> str:
        return administration.change_user(
            auth.unit_of_work,
            auth.clock,
            auth.session_cache,
            changed_by=root_id,
            user_id=stranger_id,
            request=ManagedUserChange(role="admin"),
        ).role

    with pytest.raises(ConflictError) as refused:
        promote()
    assert refused.value.code == "email_not_verified"
    auth.forget()
    auth.reset(auth.reset_token(), OWN_PASSWORD)
    assert promote() == "admin"


def test_nobody_switches_a_second_factor_on_before_the_address_is_verified(auth: Auth) -> None:
    auth.register()
    user_id = auth.login().user_id
    two_factor.set_up(auth.unit_of_work, auth.codes, user_id=user_id)
    with pytest.raises(ConflictError) as refused:
        auth.enable_two_factor(user_id, code(auth))
    assert refused.value.code == "email_not_verified"
    auth.verify_email(auth.verification_token())
    assert auth.enable_two_factor(user_id, code(auth))


def test_who_registered_the_address_first_locks_its_owner_out_by_no_second_factor(
    auth: Auth, stranger_id: UUID
) -> None:
    auth.register()
    auth.reset(auth.reset_token(), OWN_PASSWORD)
    assert auth.login(password=OWN_PASSWORD).user_id == stranger_id
    with pytest.raises(WrongCredentialsError):
        auth.login(password=PASSWORD)
