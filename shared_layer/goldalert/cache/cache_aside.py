"""Cache-aside: read Redis, else the database; Redis down or flushed costs time, never an answer.

A Redis that does not answer costs one short time-out: it is then left alone for some seconds.

Who loads an entry first leaves a mark of its own in its place, and keeps the entry only if the mark
is still there: a write in between has removed it, and what was loaded may be older than the write.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from goldalert.cache.client import make_redis
from goldalert.ids import new_id
from goldalert.observability.log import logger

if TYPE_CHECKING:
    from redis import Redis

_LEFT_ALONE_SECONDS = 5.0

_MARK_SECONDS = 30
"""Longer than anything takes to load."""


class Cache:
    """One service's Redis database.

    Args:
        url: `redis://…/<db>` or `rediss://…/<db>` (TLS, verified).
        ttl_seconds: how long an entry lives.
        monotonic: a clock in seconds.

    Example:
        >>> cache = Cache("redis://localhost/2", ttl_seconds=300)
        >>> cache.get_or_load("price:USD", Price, lambda: repository.price())  # doctest: +SKIP
    """

    def __init__(
        self, url: str, *, ttl_seconds: int, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = url
        self._ttl_seconds = ttl_seconds
        self._monotonic = monotonic
        self._left_alone_until = -math.inf

    @cached_property
    def redis(self) -> "Redis":
        """The client itself, which tries every time. It raises `redis.RedisError`."""
        return make_redis(self._url)

    @contextmanager
    def attempt(self) -> Iterator["Redis | None"]:
        """Lend the client, or None for 5 s after it failed. A failure in the block is logged.

        The block must therefore be one that may stop anywhere.

        Example:
            >>> with cache.attempt() as redis:  # doctest: +SKIP
            ...     if redis is not None:
            ...         redis.delete("price:USD")
        """
        from redis import RedisError

        if self._monotonic() < self._left_alone_until:
            yield None
            return
        try:
            yield self.redis
        except RedisError as error:
            self._left_alone_until = self._monotonic() + _LEFT_ALONE_SECONDS
            logger.warning("cache is down, left alone", extra={"error": type(error).__name__})

    def get_or_load[Model: BaseModel](
        self,
        key: str,
        model: type[Model],
        load: Callable[[], Model],
        *,
        ttl_seconds: int | None = None,
    ) -> Model:
        """Return the entry `key`, or what `load` returns, which is then kept for the TTL.

        That is `ttl_seconds`, or else the cache's own.
        """
        cached = None
        with self.attempt() as redis:
            if redis is not None:
                cached = redis.get(key)
        if isinstance(cached, str):
            try:
                return model.model_validate_json(cached)
            except ValidationError:
                # another reader's mark, or what an older or newer version of the code wrote
                logger.debug("cache entry is no such model, loaded anew", extra={"key": key})
        mark = f"loading {new_id()}"
        with self.attempt() as redis:
            if redis is not None:
                redis.set(key, mark, ex=_MARK_SECONDS)
        value = load()
        with self.attempt() as redis:
            if redis is not None:
                entry, seconds = value.model_dump_json(), ttl_seconds or self._ttl_seconds
                _replace(redis, key, mark, entry, seconds)
        return value

    def invalidate(self, *keys: str) -> None:
        """Forget entries after a write. A failure is logged: the TTL bounds how stale they get.

        It is tried every time, unlike a read, which is not wrong without Redis.
        """
        from redis import RedisError

        try:
            self.redis.delete(*keys)
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
