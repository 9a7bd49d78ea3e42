"""Whether a request may pass. A module of its own: the authorizer then loads nothing of HTTP."""

from auth_service.domain import AccessClaims, session_allows
from auth_service.use_cases.ports import Accounts, SessionCache
from goldalert.clock import Clock
from goldalert.db.unit_of_work import UnitOfWork


def authorize(
    unit_of_work: UnitOfWork[Accounts],
    clock: Clock,
    session_cache: SessionCache,
    claims: AccessClaims,
) -> bool:
    """Say whether the session behind a genuine token still stands (S6, R12).

    The cache may refuse at once; only the database allows.
    """
    now = clock.now()
    if session_cache.note_use(claims.session_id, now):
        with unit_of_work.begin() as tx:
            session = tx.repository.session(claims.session_id)
        if session is not None and session_allows(session, claims, now):
            return True
    session_cache.forget_use(claims.session_id)
    return False
