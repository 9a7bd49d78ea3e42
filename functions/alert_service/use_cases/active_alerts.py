"""The copy of a user's active alerts in Redis, for reading only: the engine never asks it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from pydantic import BaseModel

from alert_service.domain.lifecycle import ACTIVE
from alert_service.domain.standing import AlertWithLevels
from goldalert.cache.cache_aside import Cache
from goldalert.db.unit_of_work import UnitOfWork


class ActiveAlerts(Protocol):
    """What these use cases need of the database."""

    def alerts(
        self,
        user_id: UUID,
        *,
        active: bool | None,
        now: datetime,
        before: UUID | None,
        limit: int | None,
    ) -> Sequence[AlertWithLevels]: ...


class _Copy(BaseModel):
    alerts: list[AlertWithLevels]


def active_alerts(
    unit_of_work: UnitOfWork[ActiveAlerts], cache: Cache, user_id: UUID, now: datetime
) -> list[AlertWithLevels]:
    """Return the alerts of a user that are active, with their levels, newest first."""

    def load() -> _Copy:
        with unit_of_work.begin() as tx:
            found = tx.repository.alerts(user_id, active=True, now=now, before=None, limit=None)
        return _Copy(alerts=list(found))

    copy = cache.get_or_load(active_alerts_key(user_id), _Copy, load)
    # some may have expired since
    return [one for one in copy.alerts if one.alert.state_at(now) in ACTIVE]


def active_alerts_key(user_id: UUID) -> str:
    return f"active_alerts:{user_id}"


def forget_active_alerts(cache: Cache, owners: Iterable[UUID], *, always: bool = True) -> None:
    """Forget the copies of some users, after a commit that changed their alerts.

    One of many such commits in a row passes `always=False`, as to `Cache.invalidate`.
    """
    if keys := {active_alerts_key(user_id) for user_id in owners}:
        cache.invalidate(*keys, always=always)
