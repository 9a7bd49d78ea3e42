"""Signing in, staying signed in and signing out."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from auth_service.config import (
    ACCESS_TOKEN_LIFE,
    MAX_SESSIONS,
    NETWORK_MEMORY,
    NETWORK_NOTED,
    SESSION_LIFE,
    SESSION_RETENTION,
)
from auth_service.domain import (
    AccessClaims,
    Account,
    Client,
    RefreshToken,
    SessionOverview,
    is_reused,
    session_stands,
)
from auth_service.errors import SessionEndedError, TotpRequiredError, WrongCredentialsError
from auth_service.schemas import LoginRequest, SessionView, TokenPair
from auth_service.throttling import (
    LOGIN_ADDRESS,
    LOGIN_HERE,
    LOGIN_NETWORK,
    LOGIN_OVERALL,
    REFRESHES,
)
from auth_service.use_cases.ports import (
    PRODUCER,
    Accounts,
    Codes,
    Passwords,
    SessionCache,
    Signer,
    Throttle,
)
from auth_service.use_cases.proofs import active_factor, lock_unchanged, take_code
from goldalert.clock import Clock
from goldalert.db.unit_of_work import Transaction, UnitOfWork
from goldalert.errors import NotFoundError
from goldalert.events.users import RevocationReason, SessionsRevokedData, SessionsRevokedV1
from goldalert.http.caller import Caller
from goldalert.http.paging import decode_cursor, make_page
from goldalert.http.schemas import Page
from goldalert.ids import new_id
from goldalert.observability.log import current_correlation_id
from goldalert.security.tokens import hash_token, new_token

_REMOVED_ROWS = 5_000
"""Of each table at a time: a long transaction would keep others waiting."""


def login(
    unit_of_work: UnitOfWork[Accounts],
    clock: Clock,
    passwords: Passwords,
    signer: Signer,
    codes: Codes,
    session_cache: SessionCache,
    throttle: Throttle,
    *,
    request: LoginRequest,
    client: Client,
) -> TokenPair:
    """Begin a session.

    Raises:
        WrongCredentialsError: the address, the password or the code is wrong, or the account is
            disabled.
        TotpRequiredError: all but the code is right.
        RateLimitedError: too many logins failed.
    """
    network = client.network
    throttle.take(LOGIN_HERE, request.email, network)
    now = clock.now()
    with unit_of_work.begin() as tx:
        account = tx.repository.account_by_email(request.email)
        # for an unknown address the same statement
        is_known_here = tx.repository.knows_network(
            account.user_id if account else new_id(), network, now - NETWORK_MEMORY
        )
    if not is_known_here:
        throttle.check(LOGIN_NETWORK, network)
        throttle.check(LOGIN_OVERALL)
        throttle.take(LOGIN_ADDRESS, request.email)
    try:
        pair, ended = _begin_session(
            unit_of_work, passwords, signer, codes, account, request, client, now
        )
    except WrongCredentialsError:
        throttle.note(LOGIN_NETWORK, network)
        throttle.note(LOGIN_OVERALL)
        raise
    session_cache.deny(ended)
    throttle.forgive(LOGIN_HERE, request.email, network)
    return pair


def _begin_session(
    unit_of_work: UnitOfWork[Accounts],
    passwords: Passwords,
    signer: Signer,
    codes: Codes,
    account: Account | None,
    request: LoginRequest,
    client: Client,
    now: datetime,
) -> tuple[TokenPair, list[UUID]]:
    """Check what the client knows, and sign it in; return also the sessions that are over by it."""
    password = request.password.get_secret_value()
    # hashing is slow by design and must not hold a connection
    is_right = passwords.verify(password, account.password_hash if account else None)
    if account is None or not is_right or account.disabled:
        raise WrongCredentialsError("The address or the password is wrong.")
    better_hash = passwords.hash(password) if passwords.is_cheap(account.password_hash) else None
    session_id, refresh_token = new_id(), new_token()
    with unit_of_work.begin() as tx:
        # a change that came meanwhile has ended all sessions, but not this one
        if not lock_unchanged(tx.repository, account):
            raise WrongCredentialsError("The address or the password is wrong.")
        factor = active_factor(tx.repository, account.user_id)
        if factor is not None:
            if request.totp is None:
                raise TotpRequiredError("Give a code of your authenticator app, too.")
            if not take_code(tx.repository, codes, factor, request.totp, now):
                raise WrongCredentialsError("The code is wrong.")
        tx.repository.add_session(
            session_id, account.user_id, now, now + SESSION_LIFE, client.device, client.network
        )
        tx.repository.add_refresh_token(hash_token(refresh_token), session_id, generation=1)
        tx.repository.remember_network(account.user_id, client.network, now)
        ended = tx.repository.revoke_oldest_sessions(account.user_id, now, kept=MAX_SESSIONS)
        if ended:
            tx.publish(sessions_revoked(now, account.user_id, "too_many_sessions", ended))
        if better_hash is not None:
            tx.repository.replace_password_hash(account.user_id, account.password_hash, better_hash)
    claims = AccessClaims(account.user_id, session_id, account.role, account.session_version)
    return token_pair(signer, claims, refresh_token, now), ended


def refresh(
    unit_of_work: UnitOfWork[Accounts],
    clock: Clock,
    signer: Signer,
    session_cache: SessionCache,
    throttle: Throttle,
    *,
    refresh_token: str,
    network: str,
) -> TokenPair:
    """Exchange a refresh token for a new pair. One that was replaced before ends the session (S5).

    Raises:
        SessionEndedError: the token is unknown or reused, or the session is over.
        RateLimitedError: the session was refreshed too often. A token that is no good is no reason:
            the client has to be told to sign in.
    """
    now, new_refresh_token = clock.now(), new_token()
    token_hash = hash_token(refresh_token)
    with unit_of_work.begin() as tx:
        found = tx.repository.refreshed_session(token_hash)
    if found is None or not session_stands(found, now):
        raise SessionEndedError("Sign in again.")
    throttle.take(REFRESHES, str(found.session_id))
    with unit_of_work.begin() as tx:
        used = tx.repository.lock_refresh_token(token_hash)
        exchanged = used is not None and _exchange(
            tx, used, hash_token(new_refresh_token), network, now
        )
    # only now: an exception in the block would undo a revocation, and Redis may be slow
    if used is None or not session_stands(used.session, now):
        raise SessionEndedError("Sign in again.")
    session = used.session
    if not exchanged:
        session_cache.deny([session.session_id])
        raise SessionEndedError("Sign in again.")
    claims = AccessClaims(
        session.user_id, session.session_id, session.role, session.session_version
    )
    return token_pair(signer, claims, new_refresh_token, now)


def _exchange(
    tx: Transaction[Accounts], used: RefreshToken, new_hash: str, network: str, now: datetime
) -> bool:
    """Store the token that another one is exchanged for, or end the session for its reuse."""
    session, generation = used.session, used.generation + 1
    if not session_stands(session, now):
        return False
    if is_reused(used, now):
        tx.repository.revoke_session(session.session_id, session.user_id, now)
        tx.publish(
            sessions_revoked(now, session.user_id, "refresh_token_reused", [session.session_id])
        )
        return False
    tx.repository.begin_generation(session.session_id, generation, now)
    tx.repository.add_refresh_token(new_hash, session.session_id, generation)
    # where a session is used, not only where it began
    if not tx.repository.knows_network(session.user_id, network, now - NETWORK_NOTED):
        tx.repository.remember_network(session.user_id, network, now)
    return True


def logout(
    unit_of_work: UnitOfWork[Accounts],
    clock: Clock,
    session_cache: SessionCache,
    *,
    user_id: UUID,
    session_id: UUID,
) -> None:
    """End the caller's session; its tokens are refused from the next request on (S6)."""
    _end_session(unit_of_work, clock, session_cache, user_id, session_id, "logged_out")


def revoke_session(
    unit_of_work: UnitOfWork[Accounts],
    clock: Clock,
    session_cache: SessionCache,
    *,
    user_id: UUID,
    session_id: UUID,
) -> None:
    """Sign one of the caller's devices out.

    Raises:
        NotFoundError: the session is over, or is somebody else's.
    """
    if not _end_session(unit_of_work, clock, session_cache, user_id, session_id, "revoked_by_user"):
        raise NotFoundError("There is no such session.")


def logout_everywhere(
    unit_of_work: UnitOfWork[Accounts],
    clock: Clock,
    session_cache: SessionCache,
    *,
    user_id: UUID,
) -> None:
    """Sign all of the caller's devices out, this one too."""
    now = clock.now()
    with unit_of_work.begin() as tx:
        # a login that is under way comes before or after, never in between
        tx.repository.lock_account(user_id)
        ended = tx.repository.revoke_sessions(user_id, now)
        if ended:
            tx.publish(sessions_revoked(now, user_id, "logged_out_everywhere"))
    session_cache.deny(ended)


def list_sessions(
    unit_of_work: UnitOfWork[Accounts],
    clock: Clock,
    session_cache: SessionCache,
    *,
    caller: Caller,
    limit: int,
    cursor: str | None,
) -> Page[SessionView]:
    """Return where the caller is signed in, newest session first."""
    after = decode_cursor(cursor)
    with unit_of_work.begin() as tx:
        found = tx.repository.sessions(caller.user_id, clock.now(), after=after, limit=limit + 1)
    last_uses = session_cache.last_uses([session.session_id for session in found])

    def view(session: SessionOverview) -> SessionView:
        return SessionView(
            id=session.session_id,
            device=session.device,
            network=session.network,
            created_at=session.created_at,
            last_used_at=max(session.used_at, last_uses.get(session.session_id, session.used_at)),
            current=session.session_id == caller.session_id,
        )

    return make_page(found, limit=limit, view=view, id_of=lambda session: session.session_id)


def remove_old(unit_of_work: UnitOfWork[Accounts], clock: Clock) -> int:
    """Remove a bounded number of rows whose time is over; return how many."""
    now = clock.now()
    with unit_of_work.begin() as tx:
        return tx.repository.remove_old_rows(
            now,
            sessions_ended_before=now - SESSION_RETENTION,
            networks_seen_before=now - NETWORK_MEMORY,
            limit=_REMOVED_ROWS,
        )


def sessions_revoked(
    now: datetime,
    user_id: UUID,
    reason: RevocationReason,
    session_ids: Sequence[UUID] | None = None,
) -> SessionsRevokedV1:
    """Return the event for sessions that are over; without ids, for all of the user's."""
    return SessionsRevokedV1(
        occurred_at=now,
        producer=PRODUCER,
        correlation_id=current_correlation_id(),
        data=SessionsRevokedData(
            user_id=user_id,
            session_ids=None if session_ids is None else tuple(session_ids),
            reason=reason,
        ),
    )


def _end_session(
    unit_of_work: UnitOfWork[Accounts],
    clock: Clock,
    session_cache: SessionCache,
    user_id: UUID,
    session_id: UUID,
    reason: RevocationReason,
) -> bool:
    now = clock.now()
    with unit_of_work.begin() as tx:
        has_ended = tx.repository.revoke_session(session_id, user_id, now)
        if has_ended:
            tx.publish(sessions_revoked(now, user_id, reason, [session_id]))
    if has_ended:
        session_cache.deny([session_id])
    return has_ended


def token_pair(
    signer: Signer, claims: AccessClaims, refresh_token: str, now: datetime
) -> TokenPair:
    """Return the tokens of a session that has a new refresh token."""
    return TokenPair(
        access_token=signer.sign(claims, now),
        refresh_token=refresh_token,
        expires_in=int(ACCESS_TOKEN_LIFE.total_seconds()),
        user_id=claims.user_id,
    )
