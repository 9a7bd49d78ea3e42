"""A database of the first version, with somebody signed in, becomes one of the newest."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import text

from auth_service.repository import Repository
from auth_service.use_cases import sessions
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.ids import new_id
from goldalert.security.tokens import hash_token, new_token
from tests.support.accounts import PASSWORD, Auth, PlainPasswords
from tests.support.migrations import FirstVersion


def test_users_stay_signed_in_and_keep_their_links(
    first_version: Callable[..., FirstVersion],
) -> None:
    database = first_version("auth_service")
    auth = Auth(UnitOfWork(database.engine, Repository), database.engine)
    user_id, session_id, refresh_token, link = new_id(), new_id(), new_token(), new_token()
    row = {
        "user_id": user_id,
        "session_id": session_id,
        "password_hash": PlainPasswords().hash(PASSWORD),
        "refresh_token": hash_token(refresh_token),
        "link": hash_token(link),
        "expires_at": auth.clock.now() + timedelta(days=1),
    }
    with database.engine.begin() as connection:
        for statement in (
            "INSERT INTO users (id, email, password_hash) "
            "VALUES (:user_id, 'ada@example.com', :password_hash)",
            "INSERT INTO sessions (id, user_id, expires_at) "
            "VALUES (:session_id, :user_id, :expires_at)",
            "INSERT INTO refresh_tokens (hash, session_id, generation) "
            "VALUES (:refresh_token, :session_id, 1)",
            "INSERT INTO tokens (id, user_id, type, value, expires_at) "
            "VALUES (:user_id, :user_id, 'verify_email', :link, :expires_at)",
        ):
            connection.execute(text(statement), row)
    database.upgrade()
    assert sessions.remove_old(auth.unit_of_work, auth.clock) == 0
    claims = auth.claims(str(session_id))
    assert auth.allows(claims)
    assert auth.refresh(refresh_token).user_id == user_id
    auth.verify_email(link)
    assert auth.login().user_id == user_id
    auth.forget()
    auth.reset(auth.reset_token(), "eleven purple elephants")
    assert not auth.allows(claims)
