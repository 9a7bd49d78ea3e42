"""Cache-aside: read Redis, else the database; Redis down or flushed costs time, never an answer."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from goldalert.observability.log import logger

if TYPE_CHECKING:
    from redis import Redis

_TIMEOUT_SECONDS = 0.25


class Cache:
    """One service's Redis database.

    Args:
        url: `redis://…/<db>` or `rediss://…/<db>` (TLS, verified).
        ttl_seconds: how long an entry lives.

    Example:
        >>> cache = Cache("redis://localhost/2", ttl_seconds=300)
        >>> cache.get_or_load("price:USD", Price, lambda: repository.price())  # doctest: +SKIP
    """

    def __init__(self, url: str, *, ttl_seconds: int) -> None:
        self._url = url
        self._ttl_seconds = ttl_seconds

    @cached_property
    def redis(self) -> "Redis":
        """The client itself, for what is more than a cache. It raises `redis.RedisError`."""
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        return Redis.from_url(
            self._url,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            decode_responses=True,
            # one new connection at once, for the one that the server closed while we were frozen
            retry=Retry(NoBackoff(), 1),
        )

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
        from redis import RedisError

        try:
            cached = self.redis.get(key)
        except RedisError as error:
            logger.warning("cache is down, reading through", extra={"error": type(error).__name__})
            return load()
        if isinstance(cached, str):
            try:
                return model.model_validate_json(cached)
            except ValidationError:  # an older or newer version of the code wrote it
                logger.info("cache entry has another shape, loaded anew", extra={"key": key})
        value = load()
        try:
            self.redis.set(key, value.model_dump_json(), ex=ttl_seconds or self._ttl_seconds)
        except RedisError as error:
            logger.warning("cache is down, not kept", extra={"error": type(error).__name__})
        return value

    def invalidate(self, *keys: str) -> None:
        """Forget entries after a write. A failure is logged: the TTL bounds how stale they get."""
        from redis import RedisError

        try:
            self.redis.delete(*keys)
        except RedisError as error:
            logger.warning("cache is down, not invalidated", extra={"error": type(error).__name__})
