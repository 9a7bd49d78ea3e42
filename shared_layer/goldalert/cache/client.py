"""A service's Redis database as every part of ours wants it: short time-outs, and paid once."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from goldalert.observability.log import logger

if TYPE_CHECKING:
    from redis import Redis

_TIMEOUT_SECONDS = 0.25

_LEFT_ALONE_SECONDS = 5.0
"""After an error: a time-out on every request would hurt more than to do without."""


class RedisDatabase:
    """One service's Redis database, which whatever uses it in a process shares.

    It connects on first use. One that does not answer costs one short time-out, and is then left
    alone for some seconds.

    Attributes:
        client: redis-py's own, which tries every time. It raises `redis.RedisError`.

    Args:
        url: `redis://…/<db>` or `rediss://…/<db>` (TLS, verified).
        monotonic: a clock in seconds.
    """

    def __init__(self, url: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self.url = url
        self._monotonic = monotonic
        self._left_alone_until = -math.inf
        self.client = Redis.from_url(
            url,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            decode_responses=True,
            # one new connection, for the one that the server closed while we were frozen
            retry=Retry(NoBackoff(), 1),
        )

    @contextmanager
    def attempt(self) -> Iterator["Redis | None"]:
        """Lend the client, or None for 5 s after it failed. A failure in the block is logged.

        The block must therefore be one that may stop anywhere.

        Example:
            >>> with database.attempt() as redis:  # doctest: +SKIP
            ...     if redis is not None:
            ...         redis.delete("price:USD")
        """
        from redis import RedisError

        if self._monotonic() < self._left_alone_until:
            yield None
            return
        try:
            yield self.client
        except RedisError as error:
            self._left_alone_until = self._monotonic() + _LEFT_ALONE_SECONDS
            logger.warning("redis is down, left alone", extra={"error": type(error).__name__})
