"""What the service holds about a user: given to them, or erased."""

from uuid import UUID

from pydantic import JsonValue

from auth_service.errors import WrongCodeError
from auth_service.schemas import (
    EraseAccountRequest,
    ExportedNetwork,
    ExportedSession,
    ManagedUserView,
)
from auth_service.throttling import CODES
from auth_service.use_cases.ports import (
    PRODUCER,
    Accounts,
    Codes,
    Passwords,
    SessionCache,
    Throttle,
)
from auth_service.use_cases.proofs import (
    active_factor,
    check_password,
    lock_unchanged,
    take_code,
    wrong_password,
)
from goldalert.clock import Clock
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.errors import ConflictError
from goldalert.events.users import UserDeletedData, UserDeletedV1
from goldalert.export import EXPORT_ROWS, make_part
from goldalert.observability.log import current_correlation_id


def erase_account(
    unit_of_work: UnitOfWork[Accounts],
    clock: Clock,
    passwords: Passwords,
    codes: Codes,
    session_cache: SessionCache,
    throttle: Throttle,
    *,
    user_id: UUID,
    request: EraseAccountRequest,
) -> None:
    """Erase the caller's account, and have every service erase what it holds about them.

    Their address is free from then on; who registers with it is somebody else. Events about them
    that still wait in the outbox are delivered: the tombstones of the subscribers are for that.

    Raises:
        WrongPasswordError: it is not their password.
        WrongCodeError: they use a second factor, and gave no good code.
        ConflictError: they are the only admin.
        RateLimitedError: too many of either were wrong.
    """
    password, now = request.password.get_secret_value(), clock.now()
    account = check_password(unit_of_work, passwords, throttle, user_id=user_id, password=password)
    if request.totp is not None:
        throttle.take(CODES, str(user_id))
    with unit_of_work.begin() as tx:
        # all admins, in one order: else the last two could leave at once
        admins = tx.repository.lock_admins() if account.role == "admin" else []
        if not lock_unchanged(tx.repository, account):
            raise wrong_password()
        if admins == [user_id]:
            raise ConflictError("Make somebody else an admin first.", code="last_admin")
        factor = active_factor(tx.repository, user_id)
        if factor is not None:
            if request.totp is None:
                raise WrongCodeError(
                    "Give a code of your authenticator app, too.", code="totp_required"
                )
            if not take_code(tx.repository, codes, factor, request.totp, now):
                raise WrongCodeError("The code is wrong.")
        ended = tx.repository.revoke_sessions(user_id, now)
        tx.repository.delete_user(user_id)
        tx.publish(
            UserDeletedV1(
                occurred_at=now,
                producer=PRODUCER,
                correlation_id=current_correlation_id(),
                data=UserDeletedData(user_id=user_id),
            )
        )
    session_cache.deny(ended)
    throttle.forgive(CODES, str(user_id))


def export_user(unit_of_work: UnitOfWork[Accounts], *, user_id: UUID) -> JsonValue:
    """Return what the service holds about a user: no hash and no secret of theirs."""
    with unit_of_work.begin() as tx:
        user = tx.repository.managed_user(user_id)
        held = tx.repository.all_sessions(user_id, limit=EXPORT_ROWS + 1)
        known = tx.repository.known_networks(user_id, limit=EXPORT_ROWS + 1)
    if user is None:
        return {}
    sessions = [
        ExportedSession(
            id=session.session_id,
            device=session.device,
            network=session.network,
            created_at=session.created_at,
            last_refreshed_at=session.used_at,
        )
        for session in held
    ]
    account = ManagedUserView.model_validate(user).model_dump(mode="json")
    networks = [ExportedNetwork.model_validate(network) for network in known]
    return {"account": account, **make_part(sessions=sessions, known_networks=networks)}
