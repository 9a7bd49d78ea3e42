"""Signing in, staying signed in and signing out."""

from datetime import datetime
from uuid import UUID

from auth_service.config import ACCESS_TOKEN_LIFE, SESSION_LIFE
from auth_service.domain import AccessClaims, is_reused, session_allows, session_stands
from auth_service.errors import SessionEndedError, WrongCredentialsError
from auth_service.schemas import TokenPair
from auth_service.use_cases.ports import Accounts, Passwords, Signer
from goldalert.clock import Clock
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.ids import new_id
from goldalert.security.tokens import hash_token, new_token


def login(
    unit_of_work: UnitOfWork[Accounts],
    clock: Clock,
    passwords: Passwords,
    signer: Signer,
    *,
    email: str,
    password: str,
) -> TokenPair:
    """Begin a session.

    Raises:
        WrongCredentialsError: the address or the password is wrong, or the account is disabled.
    """
    # hashing is slow by design and must not hold a connection
    with unit_of_work.begin() as tx:
        account = tx.repository.account_by_email(email)
    is_right = passwords.verify(password, account.password_hash if account else None)
    if account is None or not is_right or account.disabled:
        raise WrongCredentialsError("The address or the password is wrong.")
    now, session_id, refresh_token = clock.now(), new_id(), new_token()
    with unit_of_work.begin() as tx:
        tx.repository.add_session(session_id, account.user_id, now + SESSION_LIFE)
        tx.repository.add_refresh_token(hash_token(refresh_token), session_id, generation=1)
    claims = AccessClaims(account.user_id, session_id, account.role, account.session_version)
    return _token_pair(signer, claims, refresh_token, now)


def refresh(
    unit_of_work: UnitOfWork[Accounts], clock: Clock, signer: Signer, *, refresh_token: str
) -> TokenPair:
    """Exchange a refresh token for a new pair. One that was replaced before ends the session (S5).

    Raises:
        SessionEndedError: the token is unknown or reused, or the session is over.
    """
    now, new_refresh_token = clock.now(), new_token()
    with unit_of_work.begin() as tx:
        used = tx.repository.lock_refresh_token(hash_token(refresh_token))
        if used is None or not session_stands(used.session, now):
            raise SessionEndedError("Sign in again.")
        session, generation, reused = used.session, used.generation + 1, is_reused(used, now)
        if reused:
            tx.repository.revoke_session(session.session_id, now)
        else:
            tx.repository.begin_generation(session.session_id, generation, now)
            tx.repository.add_refresh_token(
                hash_token(new_refresh_token), session.session_id, generation
            )
    if reused:  # only now: an exception in the block would undo the revocation
        raise SessionEndedError("Sign in again.")
    claims = AccessClaims(
        session.user_id, session.session_id, session.role, session.session_version
    )
    return _token_pair(signer, claims, new_refresh_token, now)


def logout(unit_of_work: UnitOfWork[Accounts], clock: Clock, *, session_id: UUID) -> None:
    """End the session; its tokens are refused from the next request on (S6)."""
    with unit_of_work.begin() as tx:
        tx.repository.revoke_session(session_id, clock.now())


def authorize(unit_of_work: UnitOfWork[Accounts], clock: Clock, claims: AccessClaims) -> bool:
    """Say whether the session behind a genuine token still stands."""
    with unit_of_work.begin() as tx:
        session = tx.repository.session(claims.session_id)
    return session is not None and session_allows(session, claims, clock.now())


def _token_pair(
    signer: Signer, claims: AccessClaims, refresh_token: str, now: datetime
) -> TokenPair:
    return TokenPair(
        access_token=signer.sign(claims, now),
        refresh_token=refresh_token,
        expires_in=int(ACCESS_TOKEN_LIFE.total_seconds()),
        user_id=claims.user_id,
    )
