"""Forgotten, new and changed passwords."""

from auth_service.config import RESET_TOKEN_LIFE
from auth_service.domain import AccessClaims, check_new_password
from auth_service.errors import SessionEndedError, TokenRefusedError
from auth_service.schemas import ChangePasswordRequest, ResetPasswordRequest, TokenPair
from auth_service.throttling import (
    FORGOT_NETWORK,
    FORGOT_OVERALL,
    LOGIN_HERE,
    TOKENS_NETWORK,
    TOKENS_OVERALL,
)
from auth_service.use_cases.ports import (
    Accounts,
    Passwords,
    Seal,
    SessionCache,
    Signer,
    Throttle,
)
from auth_service.use_cases.proofs import check_password, lock_unchanged, wrong_password
from auth_service.use_cases.registration import (
    email_verified,
    password_reset_requested,
    take_mail,
)
from auth_service.use_cases.sessions import sessions_revoked, token_pair
from goldalert.clock import Clock
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.http.caller import Caller
from goldalert.security.tokens import hash_token, new_token


def forgot_password(
    unit_of_work: UnitOfWork[Accounts],
    clock: Clock,
    seal: Seal,
    throttle: Throttle,
    *,
    email: str,
    network: str,
) -> None:
    """Send a link to choose a new password. For an unknown address the same is done, but the mail.

    Raises:
        RateLimitedError: too many asked.
    """
    throttle.take(FORGOT_NETWORK, network)
    take_mail(throttle, email)
    throttle.take(FORGOT_OVERALL)
    now, token = clock.now(), new_token()
    sealed_token = seal.seal(token)
    with unit_of_work.begin() as tx:
        user_id = tx.repository.add_token_by_email(
            email, "reset_password", hash_token(token), now + RESET_TOKEN_LIFE
        )
        tx.publish(password_reset_requested(now, user_id, sealed_token, "forgotten"))


def reset_password(
    unit_of_work: UnitOfWork[Accounts],
    clock: Clock,
    passwords: Passwords,
    session_cache: SessionCache,
    throttle: Throttle,
    *,
    request: ResetPasswordRequest,
    network: str,
) -> None:
    """Spend a reset token: it sets the password, ends all sessions and verifies the address.

    It leaves the second factor alone: who reads the user's mail need not have their phone. Not so
    where the address was not verified: then it may be a stranger's, who registered it first.

    Raises:
        TokenRefusedError: it is unknown, used or expired.
        InvalidFieldError: the password is too easy to guess; the token may be used again.
        RateLimitedError: too many tokens were no good.
    """
    now, token_hash = clock.now(), hash_token(request.token)
    password = request.password.get_secret_value()
    with unit_of_work.begin() as tx:
        user = tx.repository.token_owner("reset_password", token_hash, now)
    if user is None:
        throttle.take(TOKENS_NETWORK, network)
        throttle.take(TOKENS_OVERALL)
        raise _refused()
    check_new_password(password, user.email)
    # hashing is slow by design and must not hold a connection
    password_hash = passwords.hash(password)
    with unit_of_work.begin() as tx:
        tx.repository.lock_account(user.user_id)
        if not tx.repository.spend_token("reset_password", token_hash, now):
            raise _refused()
        tx.repository.remove_tokens(user.user_id, "reset_password", "verify_email")
        tx.repository.set_password(user.user_id, password_hash)
        ended = tx.repository.revoke_sessions(user.user_id, now)
        tx.publish(sessions_revoked(now, user.user_id, "password_reset"))
        tx.repository.remember_network(user.user_id, network, now)
        if not user.email_verified:
            tx.repository.remove_two_factor(user.user_id)
            tx.repository.mark_verified(user.user_id, now)
            tx.publish(email_verified(now, user.user_id, user.email))
    session_cache.deny(ended)
    # what others tried here before is no guess of the new password
    throttle.forgive(LOGIN_HERE, user.email, network)


def change_password(
    unit_of_work: UnitOfWork[Accounts],
    clock: Clock,
    passwords: Passwords,
    signer: Signer,
    session_cache: SessionCache,
    throttle: Throttle,
    *,
    caller: Caller,
    request: ChangePasswordRequest,
) -> TokenPair:
    """Set the caller's password and end all their other sessions.

    Every access token is void from now on, the caller's too: their session goes on with the pair
    that is returned.

    Raises:
        WrongPasswordError: the current password is wrong, or the account was changed at this very
            moment.
        InvalidFieldError: the new password is too easy to guess.
        SessionEndedError: the caller's session ended at this very moment.
        RateLimitedError: too many wrong passwords.
    """
    user_id, session_id = caller.user_id, caller.session_id
    password = request.password.get_secret_value()
    account = check_password(
        unit_of_work,
        passwords,
        throttle,
        user_id=user_id,
        password=request.current_password.get_secret_value(),
    )
    with unit_of_work.begin() as tx:
        user = tx.repository.user(user_id)
    check_new_password(password, user.email if user else "")
    password_hash = passwords.hash(password)
    now, refresh_token = clock.now(), new_token()
    with unit_of_work.begin() as tx:
        if not lock_unchanged(tx.repository, account):
            raise wrong_password()
        generation = tx.repository.next_generation(session_id, now)
        if generation is None:
            raise SessionEndedError("Sign in again.")
        version = tx.repository.set_password(user_id, password_hash)
        tx.repository.add_refresh_token(hash_token(refresh_token), session_id, generation)
        tx.repository.remove_tokens(user_id, "reset_password")
        ended = tx.repository.revoke_sessions(user_id, now, but=session_id)
        tx.publish(sessions_revoked(now, user_id, "password_changed", ended))
    session_cache.deny(ended)
    claims = AccessClaims(user_id, session_id, account.role, version)
    return token_pair(signer, claims, refresh_token, now)


def _refused() -> TokenRefusedError:
    return TokenRefusedError("The link is not valid any more.")
