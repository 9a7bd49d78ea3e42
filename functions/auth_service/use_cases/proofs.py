"""What somebody shows to be who they say: their password, and a code of their second factor."""

from datetime import datetime
from uuid import UUID

from auth_service.domain import Account, TwoFactor, is_time_code, normalise_code
from auth_service.errors import WrongPasswordError
from auth_service.throttling import PASSWORDS
from auth_service.use_cases.ports import Accounts, Codes, Passwords, Throttle
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.security.tokens import hash_token


def check_password(
    unit_of_work: UnitOfWork[Accounts],
    passwords: Passwords,
    throttle: Throttle,
    *,
    user_id: UUID,
    password: str,
) -> Account:
    """Let somebody who is signed in give their password again; return their account.

    Raises:
        WrongPasswordError: it is not the password.
        RateLimitedError: too many passwords for this account were wrong.
    """
    throttle.take(PASSWORDS, str(user_id))
    with unit_of_work.begin() as tx:
        account = tx.repository.account(user_id)
    if account is None or not passwords.verify(password, account.password_hash):
        raise wrong_password()
    throttle.forgive(PASSWORDS, str(user_id))
    return account


def lock_unchanged(repository: Accounts, account: Account) -> bool:
    """Lock an account whose password was checked; say whether what was checked still holds.

    Hashing is slow and holds no lock: meanwhile the password, the role or the status may have
    changed, which raises the version. A better hash of the same password does not.
    """
    locked = repository.lock_account(account.user_id)
    return locked is not None and locked.session_version == account.session_version


def wrong_password() -> WrongPasswordError:
    return WrongPasswordError("The password is wrong.")


def active_factor(repository: Accounts, user_id: UUID) -> TwoFactor | None:
    """Return the user's second factor if logins take a code of it."""
    factor = repository.two_factor(user_id)
    return factor if factor is not None and factor.enabled else None


def take_code(
    repository: Accounts, codes: Codes, factor: TwoFactor, code: str, now: datetime
) -> bool:
    """Use up a code of the app or a recovery code; say whether it was good. None is good twice."""
    if is_time_code(normalise_code(code)):
        return take_time_code(repository, codes, factor, code, now)
    return repository.spend_recovery_code(factor.user_id, hash_token(normalise_code(code)))


def take_time_code(
    repository: Accounts, codes: Codes, factor: TwoFactor, code: str, now: datetime
) -> bool:
    """Use up a code of the app; say whether it was good."""
    step = codes.step(factor.sealed_secret, normalise_code(code), now)
    return step is not None and repository.take_time_step(factor.user_id, step)
