"""Cache-aside: read Redis, else the database; Redis down or flushed costs time, never an answer.

Who loads an entry first leaves a mark of its own in its place, and keeps the entry only if the mark
is still there: a write in between has removed it, and what was loaded may be older than the write.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from goldalert.cache.client import RedisDatabase
from goldalert.ids import new_id
from goldalert.observability.log import logger

if TYPE_CHECKING:
    from redis import Redis

_MARK_SECONDS = 30
"""Longer than anything takes to load."""


class Cache:
    """Copies in a service's Redis database.

    Args:
        database: where they are.
        ttl_seconds: how long an entry lives.

    Example:
        >>> cache = Cache(RedisDatabase("redis://localhost/2"), ttl_seconds=300)
        >>> cache.get_or_load("price:USD", Price, lambda: repository.price())  # doctest: +SKIP
    """

    def __init__(self, database: RedisDatabase, *, ttl_seconds: int) -> None:
        self._database = database
        self._ttl_seconds = ttl_seconds

    def get_or_load[Model: BaseModel](
        self,
        key: str,
        model: type[Model],
        load: Callable[[], Model],
        *,
        ttl_of: Callable[[Model], int] | None = None,
    ) -> Model:
        """Return the entry `key`, or what `load` returns, which is then kept for the TTL.

        That is what `ttl_of` says in seconds, which has a look at it, or else the cache's own.
        """
        cached = None
        with self._database.attempt() as redis:
            if redis is not None:
                cached = redis.get(key)
        if isinstance(cached, str):
            try:
                return model.model_validate_json(cached)
            except ValidationError:
                # another reader's mark, or what an older or newer version of the code wrote
                logger.debug("cache entry is no such model, loaded anew", extra={"key": key})
        mark = f"loading {new_id()}"
        with self._database.attempt() as redis:
            if redis is not None:
                redis.set(key, mark, ex=_MARK_SECONDS)
        value = load()
        with self._database.attempt() as redis:
            if redis is not None:
                seconds = ttl_of(value) if ttl_of else self._ttl_seconds
                _replace(redis, key, mark, value.model_dump_json(), seconds)
        return value

    def invalidate(self, *keys: str, always: bool = True) -> None:
        """Forget entries after a write. A failure is logged: the TTL bounds how stale they get.

        It is tried every time, unlike a read, which is not wrong without Redis; but not for who has
        so many writes that a time-out for each would take too long (`always=False`).
        """
        from redis import RedisError

        if not always:
            with self._database.attempt() as redis:
                if redis is not None:
                    redis.delete(*keys)
            return
        try:
            self._database.client.delete(*keys)
        except RedisError as error:
            logger.warning("cache is down, not invalidated", extra={"error": type(error).__name__})


def _replace(redis: "Redis", key: str, mark: str, entry: str, seconds: int) -> None:
    """Put an entry in the place of a mark, if the mark is still there."""
    from redis import WatchError

    with redis.pipeline() as pipe:
        pipe.watch(key)  # type: ignore[no-untyped-call] # redis leaves it untyped
        if pipe.get(key) != mark:
            return
        pipe.multi()
        pipe.set(key, entry, ex=seconds)
        try:
            pipe.execute()
        except WatchError:
            return
