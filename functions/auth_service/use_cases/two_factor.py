"""The second factor: codes of an authenticator app, and recovery codes for when it is lost."""

import secrets
from datetime import datetime
from uuid import UUID

from auth_service.domain import Account, TwoFactor, is_time_code, normalise_code
from auth_service.errors import WrongCodeError, WrongPasswordError
from auth_service.schemas import (
    RecoveryCodes,
    RecoveryCodesRequest,
    TwoFactorDisableRequest,
    TwoFactorSetup,
)
from auth_service.throttling import PROOFS
from auth_service.use_cases.ports import Accounts, Codes, Passwords, Throttle
from goldalert.clock import Clock
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.errors import ConflictError, NotFoundError
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
        user = tx.repository.user(user_id)
        if user is None:
            raise NotFoundError("There is no such account.")
        if not tx.repository.propose_two_factor(user_id, sealed_secret):
            raise _already_on()
    return TwoFactorSetup(secret=secret, otpauth_uri=codes.uri(secret, user.email))


def enable(
    unit_of_work: UnitOfWork[Accounts],
    clock: Clock,
    codes: Codes,
    throttle: Throttle,
    *,
    user_id: UUID,
    code: str,
) -> RecoveryCodes:
    """Ask for a code at every login from now on; this one shows that the app has the secret.

    Raises:
        ConflictError: nothing was set up, or it is on already.
        WrongCodeError: the code is wrong.
        RateLimitedError: too many codes were wrong.
    """
    now = clock.now()
    throttle.take(PROOFS, str(user_id))
    with unit_of_work.begin() as tx:
        tx.repository.lock_account(user_id)
        factor = tx.repository.two_factor(user_id)
        if factor is None:
            raise ConflictError("Set the second factor up first.", code="two_factor_not_set_up")
        if factor.enabled:
            raise _already_on()
        if not _take_time_code(tx.repository, codes, user_id, factor, normalise_code(code), now):
            raise WrongCodeError("The code is wrong.")
        tx.repository.enable_two_factor(user_id, now)
        made = _new_recovery_codes(tx.repository, user_id)
    throttle.forgive(PROOFS, str(user_id))
    return made


def disable(
    unit_of_work: UnitOfWork[Accounts],
    clock: Clock,
    passwords: Passwords,
    codes: Codes,
    throttle: Throttle,
    *,
    user_id: UUID,
    request: TwoFactorDisableRequest,
) -> None:
    """Ask for no code any more, and forget the secret and the recovery codes.

    Raises:
        WrongPasswordError, WrongCodeError: one of them is wrong.
        ConflictError: the second factor is off.
        RateLimitedError: too many of them were wrong.
    """
    password = request.password.get_secret_value()
    check_password(unit_of_work, passwords, throttle, user_id=user_id, password=password)
    with unit_of_work.begin() as tx:
        tx.repository.lock_account(user_id)
        _require_code(tx.repository, codes, user_id, request.code, clock.now())
        tx.repository.remove_two_factor(user_id)
    throttle.forgive(PROOFS, str(user_id))


def renew_recovery_codes(
    unit_of_work: UnitOfWork[Accounts],
    clock: Clock,
    passwords: Passwords,
    codes: Codes,
    throttle: Throttle,
    *,
    user_id: UUID,
    request: RecoveryCodesRequest,
) -> RecoveryCodes:
    """Replace the recovery codes. The password is checked when it is given; the code must be.

    Raises:
        WrongPasswordError, WrongCodeError: one of them is wrong.
        ConflictError: the second factor is off.
        RateLimitedError: too many of them were wrong.
    """
    if request.password is None:
        throttle.take(PROOFS, str(user_id))
    else:
        password = request.password.get_secret_value()
        check_password(unit_of_work, passwords, throttle, user_id=user_id, password=password)
    with unit_of_work.begin() as tx:
        tx.repository.lock_account(user_id)
        _require_code(tx.repository, codes, user_id, request.code, clock.now())
        made = _new_recovery_codes(tx.repository, user_id)
    throttle.forgive(PROOFS, str(user_id))
    return made


def is_two_factor_on(repository: Accounts, user_id: UUID) -> bool:
    """Say whether the user's logins take a code."""
    factor = repository.two_factor(user_id)
    return factor is not None and factor.enabled


def take_code(repository: Accounts, codes: Codes, user_id: UUID, code: str, now: datetime) -> bool:
    """Use up a code of the app or a recovery code; say whether it was good. None is good twice."""
    factor, normalised = repository.two_factor(user_id), normalise_code(code)
    if factor is None or not factor.enabled:
        return False
    if is_time_code(normalised):
        return _take_time_code(repository, codes, user_id, factor, normalised, now)
    return repository.spend_recovery_code(user_id, hash_token(normalised))


def check_password(
    unit_of_work: UnitOfWork[Accounts],
    passwords: Passwords,
    throttle: Throttle,
    *,
    user_id: UUID,
    password: str,
) -> Account:
    """Let somebody who is signed in prove that they are who they were; return their account.

    Who needs no other proof forgives the throttle afterwards.

    Raises:
        WrongPasswordError: it is not the password.
        RateLimitedError: too many proofs of this account were wrong.
    """
    throttle.take(PROOFS, str(user_id))
    with unit_of_work.begin() as tx:
        account = tx.repository.account(user_id)
    if account is None or not passwords.verify(password, account.password_hash):
        raise WrongPasswordError("The password is wrong.")
    return account


def _take_time_code(
    repository: Accounts, codes: Codes, user_id: UUID, factor: TwoFactor, code: str, now: datetime
) -> bool:
    step = codes.step(factor.sealed_secret, code, now)
    return step is not None and repository.take_time_step(user_id, step)


def _require_code(
    repository: Accounts, codes: Codes, user_id: UUID, code: str, now: datetime
) -> None:
    if not is_two_factor_on(repository, user_id):
        raise ConflictError("The second factor is off.", code="two_factor_off")
    if not take_code(repository, codes, user_id, code, now):
        raise WrongCodeError("The code is wrong.")


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
