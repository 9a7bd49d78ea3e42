"""Making an account, and showing that its address is the user's."""

from uuid import UUID

from auth_service.config import VERIFICATION_TOKEN_LIFE
from auth_service.errors import TokenRefusedError
from auth_service.schemas import Me
from auth_service.use_cases.ports import PRODUCER, Accounts, Passwords, Seal
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
