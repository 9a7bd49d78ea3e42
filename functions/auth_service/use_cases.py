"""What the auth service does, one function per action."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from auth_service.config import ACCESS_TOKEN_LIFE, SESSION_LIFE, VERIFICATION_TOKEN_LIFE
from auth_service.domain import (
    AccessClaims,
    Account,
    RefreshToken,
    Session,
    User,
    is_reused,
    session_allows,
    session_stands,
)
from auth_service.errors import SessionEndedError, TokenRefusedError, WrongCredentialsError
from auth_service.schemas import Me, TokenPair
from goldalert.clock import Clock
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.errors import NotFoundError
from goldalert.events.users import (
    UserEmailVerifiedData,
    UserEmailVerifiedV1,
    UserRegisteredData,
    UserRegisteredV1,
)
from goldalert.ids import new_id
from goldalert.observability.log import current_correlation_id
from goldalert.security.tokens import hash_token, new_token

PRODUCER = "auth_service"


class Accounts(Protocol):
    """What the use cases need of the database."""

    def add_user(self, user_id: UUID, email: str, password_hash: str) -> bool: ...
    def account_by_email(self, email: str) -> Account | None: ...
    def user(self, user_id: UUID) -> User | None: ...
    def mark_verified(self, user_id: UUID, now: datetime) -> str: ...
    def add_token(
        self, user_id: UUID, kind: str, token_hash: str, expires_at: datetime
    ) -> None: ...
    def spend_token(self, kind: str, token_hash: str, now: datetime) -> UUID | None: ...
    def add_session(self, session_id: UUID, user_id: UUID, expires_at: datetime) -> None: ...
    def session(self, session_id: UUID) -> Session | None: ...
    def add_refresh_token(self, token_hash: str, session_id: UUID, generation: int) -> None: ...
    def lock_refresh_token(self, token_hash: str) -> RefreshToken | None: ...
    def begin_generation(self, session_id: UUID, generation: int, now: datetime) -> None: ...
    def revoke_session(self, session_id: UUID, now: datetime) -> None: ...


class Passwords(Protocol):
    """Hashes passwords."""

    def hash(self, password: str) -> str: ...
    def verify(self, password: str, password_hash: str | None) -> bool: ...


class Signer(Protocol):
    """Signs access tokens."""

    def sign(self, claims: AccessClaims, now: datetime) -> str: ...


class Seal(Protocol):
    """Seals a secret for the e-mail service."""

    def seal(self, text: str) -> str: ...


def register(
    unit_of_work: UnitOfWork[Accounts],
    clock: Clock,
    passwords: Passwords,
    seal: Seal,
    *,
    email: str,
    password: str,
    name: str | None,
) -> None:
    """Make an account and send its verification link. A known address changes nothing.

    The answer is the same for both, and so is the costly work of hashing and sealing (S2). Their
    time is not quite: only a new address has more rows to write and an event to publish.
    """
    now, user_id, token = clock.now(), new_id(), new_token()
    password_hash = passwords.hash(password)
    sealed_token = seal.seal(token)
    with unit_of_work.begin() as tx:
        if not tx.repository.add_user(user_id, email, password_hash):
            return
        tx.repository.add_token(
            user_id, "verify_email", hash_token(token), now + VERIFICATION_TOKEN_LIFE
        )
        tx.publish(
            UserRegisteredV1(
                occurred_at=now,
                producer=PRODUCER,
                correlation_id=current_correlation_id(),
                data=UserRegisteredData(
                    user_id=user_id, email=email, name=name, sealed_verification_token=sealed_token
                ),
            )
        )


def verify_email(unit_of_work: UnitOfWork[Accounts], clock: Clock, *, token: str) -> None:
    """Spend a verification token.

    Raises:
        TokenRefusedError: it is unknown, used or expired.
    """
    now = clock.now()
    with unit_of_work.begin() as tx:
        user_id = tx.repository.spend_token("verify_email", hash_token(token), now)
        if user_id is None:
            raise TokenRefusedError("The link is not valid any more.")
        email = tx.repository.mark_verified(user_id, now)
        tx.publish(
            UserEmailVerifiedV1(
                occurred_at=now,
                producer=PRODUCER,
                correlation_id=current_correlation_id(),
                data=UserEmailVerifiedData(user_id=user_id, email=email),
            )
        )


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


def me(unit_of_work: UnitOfWork[Accounts], *, user_id: UUID) -> Me:
    """Return the caller's account.

    Raises:
        NotFoundError: it was erased.
    """
    with unit_of_work.begin() as tx:
        found = tx.repository.user(user_id)
    if found is None:
        raise NotFoundError("There is no such account.")
    return Me.model_validate(found)


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
