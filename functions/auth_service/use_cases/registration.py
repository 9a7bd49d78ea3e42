"""Making an account, and showing that its address is the user's."""

from datetime import datetime
from uuid import UUID

from auth_service.config import RESET_TOKEN_LIFE, VERIFICATION_TOKEN_LIFE
from auth_service.domain import check_new_password, mailbox_of
from auth_service.errors import TokenRefusedError
from auth_service.schemas import Me, RegisterRequest
from auth_service.throttling import (
    MAILS_TO_ADDRESS,
    MAILS_TO_ADDRESS_DAILY,
    REGISTER_NETWORK,
    REGISTER_OVERALL,
    TOKENS_NETWORK,
    TOKENS_OVERALL,
)
from auth_service.use_cases.ports import PRODUCER, Accounts, Passwords, Seal, Throttle
from goldalert.clock import Clock
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.errors import NotFoundError
from goldalert.events.users import (
    EmailVerificationRequestedData,
    EmailVerificationRequestedV1,
    PasswordResetRequestedData,
    PasswordResetRequestedV1,
    ResetReason,
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
    throttle: Throttle,
    *,
    request: RegisterRequest,
    network: str,
) -> None:
    """Make an account and send its verification link.

    For a known address its account stays as it is and its owner gets a link to choose a new
    password. The answer and the work are the same: hash, seal, statements and one event (S2).

    Raises:
        InvalidFieldError: the password is too easy to guess.
        RateLimitedError: too many registered.
    """
    throttle.take(REGISTER_NETWORK, network)
    email, password = request.email, request.password.get_secret_value()
    check_new_password(password, email, request.name or "")
    take_mail(throttle, email)
    throttle.take(REGISTER_OVERALL)
    now, new_user_id, token = clock.now(), new_id(), new_token()
    password_hash = passwords.hash(password)
    sealed_token = seal.seal(token)
    with unit_of_work.begin() as tx:
        is_new = tx.repository.add_user(new_user_id, email, password_hash)
        kind, life = (
            ("verify_email", VERIFICATION_TOKEN_LIFE)
            if is_new
            else ("reset_password", RESET_TOKEN_LIFE)
        )
        user_id = tx.repository.add_token_by_email(email, kind, hash_token(token), now + life)
        tx.publish(
            user_registered(now, new_user_id, email, request.name, sealed_token)
            if is_new
            else password_reset_requested(now, user_id, sealed_token, "registered_again")
        )


def verify_email(
    unit_of_work: UnitOfWork[Accounts],
    clock: Clock,
    throttle: Throttle,
    *,
    token: str,
    network: str,
) -> None:
    """Spend a verification token.

    Raises:
        TokenRefusedError: it is unknown, used or expired.
        RateLimitedError: too many tokens were no good.
    """
    now, token_hash = clock.now(), hash_token(token)
    with unit_of_work.begin() as tx:
        user = tx.repository.token_owner("verify_email", token_hash, now)
        if user is not None:
            # first the account, then its tokens, as everywhere: else two could wait for each other
            tx.repository.lock_account(user.user_id)
            if not tx.repository.spend_token("verify_email", token_hash, now):
                user = None
            else:
                tx.repository.mark_verified(user.user_id, now)
                tx.repository.remember_network(user.user_id, network, now)
                tx.publish(email_verified(now, user.user_id, user.email))
    if user is None:
        throttle.take(TOKENS_NETWORK, network)
        throttle.take(TOKENS_OVERALL)
        raise TokenRefusedError("The link is not valid any more.")


def resend_verification(
    unit_of_work: UnitOfWork[Accounts],
    clock: Clock,
    seal: Seal,
    throttle: Throttle,
    *,
    user_id: UUID,
) -> None:
    """Send the caller another verification link; older ones end. Does nothing for a verified one.

    Raises:
        NotFoundError: the account was erased.
        RateLimitedError: too many links for this address.
    """
    take_mail(throttle, me(unit_of_work, user_id=user_id).email)
    now, token = clock.now(), new_token()
    sealed_token = seal.seal(token)
    with unit_of_work.begin() as tx:
        # of two requests at once, one link is to remain
        tx.repository.lock_account(user_id)
        user = tx.repository.user(user_id)
        if user is None or user.email_verified:
            return
        tx.repository.remove_tokens(user_id, "verify_email")
        tx.repository.add_token(
            user_id, "verify_email", hash_token(token), now + VERIFICATION_TOKEN_LIFE
        )
        tx.publish(
            EmailVerificationRequestedV1(
                occurred_at=now,
                producer=PRODUCER,
                correlation_id=current_correlation_id(),
                data=EmailVerificationRequestedData(
                    user_id=user_id, sealed_verification_token=sealed_token
                ),
            )
        )


def take_mail(throttle: Throttle, email: str) -> None:
    """Count a mail that strangers can have us send.

    Raises:
        RateLimitedError: too many to this mailbox.
    """
    throttle.take(MAILS_TO_ADDRESS, mailbox_of(email))
    throttle.take(MAILS_TO_ADDRESS_DAILY, mailbox_of(email))


def user_registered(
    now: datetime, user_id: UUID, email: str, name: str | None, sealed_token: str
) -> UserRegisteredV1:
    """Return the event for a new account, with the token of its verification link."""
    return UserRegisteredV1(
        occurred_at=now,
        producer=PRODUCER,
        correlation_id=current_correlation_id(),
        data=UserRegisteredData(
            user_id=user_id, email=email, name=name, sealed_verification_token=sealed_token
        ),
    )


def password_reset_requested(
    now: datetime, user_id: UUID | None, sealed_token: str, reason: ResetReason
) -> PasswordResetRequestedV1:
    """Return the event for a link to choose a new password; without a user, for nobody's."""
    return PasswordResetRequestedV1(
        occurred_at=now,
        producer=PRODUCER,
        correlation_id=current_correlation_id(),
        data=PasswordResetRequestedData(
            user_id=user_id, sealed_reset_token=sealed_token, reason=reason
        ),
    )


def email_verified(now: datetime, user_id: UUID, email: str) -> UserEmailVerifiedV1:
    """Return the event for an address that was shown to be the user's."""
    return UserEmailVerifiedV1(
        occurred_at=now,
        producer=PRODUCER,
        correlation_id=current_correlation_id(),
        data=UserEmailVerifiedData(user_id=user_id, email=email),
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
