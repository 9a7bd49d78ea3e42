"""The copy of a user's active alerts in Redis, for reading only: the engine never asks it."""

from collections.abc import Iterable
from itertools import batched
from uuid import UUID

from goldalert.cache.cache_aside import Cache

_KEYS_AT_ONCE = 1000


def active_alerts_key(user_id: UUID) -> str:
    return f"active_alerts:{user_id}"


def forget_active_alerts(cache: Cache, owners: Iterable[UUID]) -> None:
    """Forget the copies of some users, after a commit that changed their alerts."""
    for some in batched(set(owners), _KEYS_AT_ONCE, strict=False):
        cache.invalidate(*(active_alerts_key(user_id) for user_id in some))
