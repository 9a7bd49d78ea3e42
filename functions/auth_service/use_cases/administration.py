"""What admins do with other users' accounts, and how the first admin comes to be."""

from datetime import datetime
from uuid import UUID

from auth_service.config import RESET_TOKEN_LIFE, VERIFICATION_TOKEN_LIFE
from auth_service.domain import ManagedUser
from auth_service.schemas import AdminLink, ManagedUserChange, ManagedUserView
from auth_service.use_cases.ports import PRODUCER, Accounts, Passwords, Seal, SessionCache
from auth_service.use_cases.registration import email_verified, user_registered
from auth_service.use_cases.sessions import sessions_revoked
from goldalert.clock import Clock
from goldalert.db.unit_of_work import Transaction, UnitOfWork
from goldalert.errors import ConflictError, ForbiddenError, NotFoundError
from goldalert.events.users import UserRoleChangedData, UserRoleChangedV1
from goldalert.http.paging import decode_cursor, make_page
from goldalert.http.schemas import Page
from goldalert.ids import new_id
from goldalert.observability.log import current_correlation_id
from goldalert.security.roles import Role
from goldalert.security.tokens import hash_token, new_token


def list_users(
    unit_of_work: UnitOfWork[Accounts], *, part_of_email: str | None, limit: int, cursor: str | None
) -> Page[ManagedUserView]:
    """Return users, newest first; with a part of an address, only those who have it in theirs."""
    part = part_of_email.lower() if part_of_email else None
    with unit_of_work.begin() as tx:
        found = tx.repository.managed_users(part, after=decode_cursor(cursor), limit=limit + 1)
    return make_page(
        found, limit=limit, view=ManagedUserView.model_validate, id_of=lambda user: user.user_id
    )


def get_user(unit_of_work: UnitOfWork[Accounts], *, user_id: UUID) -> ManagedUserView:
    """Return a user.

    Raises:
        NotFoundError: there is none with this id.
    """
    with unit_of_work.begin() as tx:
        return ManagedUserView.model_validate(_existing(tx.repository.managed_user(user_id)))


def change_user(
    unit_of_work: UnitOfWork[Accounts],
    clock: Clock,
    session_cache: SessionCache,
    *,
    changed_by: UUID,
    user_id: UUID,
    request: ManagedUserChange,
) -> ManagedUserView:
    """Change what a user may do; it holds at once, and all their sessions are over (S6).

    Raises:
        ForbiddenError: who asks is no admin any more.
        NotFoundError: there is no such user.
        ConflictError: admins do not demote or disable themselves, so that one always remains; and
            nobody becomes one whose address may be somebody else's.
    """
    now, ended = clock.now(), list[UUID]()
    with unit_of_work.begin() as tx:
        # both, or two admins could demote each other at once
        tx.repository.lock_users({changed_by, user_id})
        admin = tx.repository.managed_user(changed_by)
        if admin is None or admin.role != "admin" or admin.disabled:
            raise ForbiddenError("Only an admin may do this.")
        user = _existing(tx.repository.managed_user(user_id))
        role = user.role if request.role is None else request.role
        disabled = user.disabled if request.disabled is None else request.disabled
        if (role, disabled) != (user.role, user.disabled):
            if user_id == changed_by:
                raise ConflictError("Ask another admin to do this.", code="own_account")
            if role == "admin" != user.role and not user.email_verified:
                raise ConflictError("Their address is not verified.", code="email_not_verified")
            ended = _change(tx, now, user, role, disabled=disabled, changed_by=changed_by)
        changed = _existing(tx.repository.managed_user(user_id))
    session_cache.deny(ended)
    return ManagedUserView.model_validate(changed)


def grant_admin(
    unit_of_work: UnitOfWork[Accounts],
    clock: Clock,
    passwords: Passwords,
    seal: Seal,
    session_cache: SessionCache,
    *,
    email: str,
    api_origin: str,
) -> AdminLink:
    """Make an admin, and return a link with which they choose their password (S10).

    An address without an account gets one, with a password that nobody knows. The operator vouches
    for the address, and lifts a disablement. Who registered it before and did not show that it is
    theirs may be a stranger: nothing of what they know or have is good any more. The profile of a
    new admin comes to be as everybody's does, by `user_registered`, with the welcome mail, too.
    """
    now, reset_token, verification_token = clock.now(), new_token(), new_token()
    password_hash, ended = passwords.hash(new_token()), list[UUID]()
    expires_at = (now + RESET_TOKEN_LIFE).replace(microsecond=0)
    with unit_of_work.begin() as tx:
        new_user_id = new_id()
        is_new = tx.repository.add_user(new_user_id, email, password_hash)
        if is_new:
            tx.repository.add_token(
                new_user_id,
                "verify_email",
                hash_token(verification_token),
                now + VERIFICATION_TOKEN_LIFE,
            )
            sealed_token = seal.seal(verification_token)
            tx.publish(user_registered(now, new_user_id, email, None, sealed_token))
        user = _existing(tx.repository.managed_user_by_email(email))
        tx.repository.lock_users([user.user_id])
        user = _existing(tx.repository.managed_user(user.user_id))
        if user.role != "admin" or user.disabled or not user.email_verified:
            ended = _change(tx, now, user, "admin", disabled=False, changed_by=None)
        if not user.email_verified:
            if not is_new:
                tx.repository.set_password(user.user_id, password_hash)
                tx.repository.remove_two_factor(user.user_id)
                tx.repository.remove_tokens(user.user_id, "verify_email", "reset_password")
            tx.repository.mark_verified(user.user_id, now)
            tx.publish(email_verified(now, user.user_id, email))
        tx.repository.add_token(user.user_id, "reset_password", hash_token(reset_token), expires_at)
    session_cache.deny(ended)
    return AdminLink(
        link=f"{api_origin}/auth/password/reset?token={reset_token}", expires_at=expires_at
    )


def _change(
    tx: Transaction[Accounts],
    now: datetime,
    user: ManagedUser,
    role: Role,
    *,
    disabled: bool,
    changed_by: UUID | None,
) -> list[UUID]:
    """Change a locked user; return the sessions that are over by it."""
    tx.repository.change_user(user.user_id, role, disabled=disabled)
    ended = tx.repository.revoke_sessions(user.user_id, now)
    tx.publish(
        UserRoleChangedV1(
            occurred_at=now,
            producer=PRODUCER,
            correlation_id=current_correlation_id(),
            data=UserRoleChangedData(
                user_id=user.user_id, role=role, disabled=disabled, changed_by=changed_by
            ),
        )
    )
    if ended:
        tx.publish(sessions_revoked(now, user.user_id, "disabled" if disabled else "role_changed"))
    return ended


def _existing(user: ManagedUser | None) -> ManagedUser:
    if user is None:
        raise NotFoundError("There is no such user.")
    return user
