"""The second factor: codes of an authenticator app, and recovery codes for when it is lost."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from auth_service.domain import TwoFactor
from auth_service.errors import WrongCodeError
from auth_service.schemas import RecoveryCodes, TwoFactorProof, TwoFactorSetup
from auth_service.throttling import CODES
from auth_service.use_cases.ports import Accounts, Codes, Passwords, SessionCache, Throttle
from auth_service.use_cases.proofs import (
    active_factor,
    check_password,
    lock_unchanged,
    take_code,
    take_time_code,
    wrong_password,
)
from auth_service.use_cases.sessions import sessions_revoked
from goldalert.clock import Clock
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.errors import ConflictError, NotFoundError
from goldalert.http.caller import Caller
from goldalert.security.tokens import hash_token

RECOVERY_CODES = 10
_RECOVERY_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def set_up(unit_of_work: UnitOfWork[Accounts], codes: Codes, *, user_id: UUID) -> TwoFactorSetup:
    """Propose a secret for the caller's app. Nothing asks for it until it is enabled.

    Raises:
        ConflictError: a second factor is on already.
        NotFoundError: the account was erased.
    """
    secret, sealed_secret = codes.new_secret()
    with unit_of_work.begin() as tx:
        # what another request enables is the secret whose code it saw
        tx.repository.lock_account(user_id)
        user = tx.repository.user(user_id)
        if user is None:
            raise NotFoundError("There is no such account.")
        if not tx.repository.propose_two_factor(user_id, sealed_secret):
            raise _already_on()
    return TwoFactorSetup(secret=secret, otpauth_uri=codes.uri(secret, user.email))


def enable(
    unit_of_work: UnitOfWork[Accounts],
    clock: Clock,
    passwords: Passwords,
    codes: Codes,
    session_cache: SessionCache,
    throttle: Throttle,
    *,
    caller: Caller,
    request: TwoFactorProof,
) -> RecoveryCodes:
    """Ask for a code at every login from now on; this one shows that the app has the secret.

    The caller's other sessions are over: they began without a code.

    Raises:
        ConflictError: nothing was set up, or it is on already, or the address is not verified: its
            owner could never sign in.
        WrongPasswordError, WrongCodeError: one of them is wrong.
        RateLimitedError: too many of them were wrong.
    """
    user_id, password = caller.user_id, request.password.get_secret_value()
    with unit_of_work.begin() as tx:
        _require_proposed(tx.repository, user_id)  # costs no try
    account = check_password(unit_of_work, passwords, throttle, user_id=user_id, password=password)
    throttle.take(CODES, str(user_id))
    now = clock.now()
    with unit_of_work.begin() as tx:
        if not lock_unchanged(tx.repository, account):
            raise wrong_password()
        factor = _require_proposed(tx.repository, user_id)
        if not take_time_code(tx.repository, codes, factor, request.code, now):
            raise WrongCodeError("The code is wrong.")
        tx.repository.enable_two_factor(user_id, now)
        made = _new_recovery_codes(tx.repository, user_id)
        ended = tx.repository.revoke_sessions(user_id, now, but=caller.session_id)
        if ended:
            tx.publish(sessions_revoked(now, user_id, "two_factor_enabled", ended))
    session_cache.deny(ended)
    throttle.forgive(CODES, str(user_id))
    return made


def disable(
    unit_of_work: UnitOfWork[Accounts],
    clock: Clock,
    passwords: Passwords,
    codes: Codes,
    throttle: Throttle,
    *,
    user_id: UUID,
    request: TwoFactorProof,
) -> None:
    """Ask for no code any more, and forget the secret and the recovery codes.

    Raises:
        WrongPasswordError, WrongCodeError: one of them is wrong.
        ConflictError: the second factor is off.
        RateLimitedError: too many of them were wrong.
    """
    with _proven(unit_of_work, clock, passwords, codes, throttle, user_id, request) as repository:
        repository.remove_two_factor(user_id)


def renew_recovery_codes(
    unit_of_work: UnitOfWork[Accounts],
    clock: Clock,
    passwords: Passwords,
    codes: Codes,
    throttle: Throttle,
    *,
    user_id: UUID,
    request: TwoFactorProof,
) -> RecoveryCodes:
    """Replace the recovery codes.

    Raises:
        WrongPasswordError, WrongCodeError: one of them is wrong.
        ConflictError: the second factor is off.
        RateLimitedError: too many of them were wrong.
    """
    with _proven(unit_of_work, clock, passwords, codes, throttle, user_id, request) as repository:
        return _new_recovery_codes(repository, user_id)


@contextmanager
def _proven(
    unit_of_work: UnitOfWork[Accounts],
    clock: Clock,
    passwords: Passwords,
    codes: Codes,
    throttle: Throttle,
    user_id: UUID,
    request: TwoFactorProof,
) -> Iterator[Accounts]:
    """Check password and code; what is done in the block and the code's use are one transaction."""
    with unit_of_work.begin() as tx:
        _require_on(tx.repository, user_id)  # costs no try
    password = request.password.get_secret_value()
    account = check_password(unit_of_work, passwords, throttle, user_id=user_id, password=password)
    throttle.take(CODES, str(user_id))
    with unit_of_work.begin() as tx:
        if not lock_unchanged(tx.repository, account):
            raise wrong_password()
        factor = _require_on(tx.repository, user_id)
        if not take_code(tx.repository, codes, factor, request.code, clock.now()):
            raise WrongCodeError("The code is wrong.")
        yield tx.repository
    throttle.forgive(CODES, str(user_id))


def _require_proposed(repository: Accounts, user_id: UUID) -> TwoFactor:
    factor = repository.two_factor(user_id)
    if factor is None:
        raise ConflictError("Set the second factor up first.", code="two_factor_not_set_up")
    if factor.enabled:
        raise _already_on()
    user = repository.user(user_id)
    if user is None or not user.email_verified:
        raise ConflictError("Verify your address first.", code="email_not_verified")
    return factor


def _require_on(repository: Accounts, user_id: UUID) -> TwoFactor:
    factor = active_factor(repository, user_id)
    if factor is None:
        raise ConflictError("The second factor is off.", code="two_factor_off")
    return factor


def _new_recovery_codes(repository: Accounts, user_id: UUID) -> RecoveryCodes:
    # 80 random bits each, so that a plain hash will do
    made = [
        "".join(secrets.choice(_RECOVERY_CHARACTERS) for _ in range(16))
        for _ in range(RECOVERY_CODES)
    ]
    repository.replace_recovery_codes(user_id, [hash_token(code) for code in made])
    return RecoveryCodes(
        recovery_codes=["-".join(code[i : i + 4] for i in range(0, 16, 4)) for code in made]
    )


def _already_on() -> ConflictError:
    return ConflictError("The second factor is on already.", code="two_factor_on")
