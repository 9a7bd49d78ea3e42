"""Rate limits, counted for all processes in Redis; while Redis is away, in this process's memory.

The count slides: requests of the last window weigh by how much of it the present one still covers,
so nobody gets twice the amount at the border of two windows.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from goldalert.cache.client import RedisDatabase
from goldalert.errors import RateLimitedError

if TYPE_CHECKING:
    from limits import RateLimitItem
    from limits.strategies import SlidingWindowCounterRateLimiter


@dataclass(frozen=True)
class RateLimit:
    """At most `amount` in any `seconds`, for each identity. `name` keeps the counts apart."""

    name: str
    amount: int
    seconds: int


@dataclass(frozen=True)
class Allowance:
    """What is left of a limit.

    Attributes:
        limit: the limit that was asked about.
        allowed: whether the hit was counted; of a peek, whether a hit would be.
        remaining: hits that would be allowed right now.
        reset_seconds: whole seconds until more are allowed than now; 0 when none was counted.
    """

    limit: RateLimit
    allowed: bool
    remaining: int
    reset_seconds: int


def refuse_if_exhausted(allowance: Allowance) -> None:
    """Let pass what was counted, or would be.

    Raises:
        RateLimitedError: it was not, for the limit is reached.
    """
    if not allowance.allowed:
        raise RateLimitedError(
            "Too many requests. Try again later.", retry_after=max(1, allowance.reset_seconds)
        )


class RateLimiter:
    """Counts hits. It never raises: without Redis each process counts for itself.

    Personal data must not become part of an identity as it is: hash an address first.

    Args:
        database: the service's own.

    Example:
        >>> limiter = RateLimiter(RedisDatabase("redis://localhost/0"))
        >>> LOGINS = RateLimit("login", amount=5, seconds=900)
        >>> limiter.hit(LOGINS, network, address_hash).allowed  # doctest: +SKIP
        True
    """

    def __init__(self, database: RedisDatabase) -> None:
        self._database = database

    def hit(self, limit: RateLimit, *identity: str) -> Allowance:
        """Count one, unless the limit is reached: a refused hit does not count."""
        item = _item_of(limit)

        def count(counter: "SlidingWindowCounterRateLimiter") -> Allowance:
            allowed = counter.hit(item, *identity)
            return _allowance(counter, limit, identity, allowed=allowed)

        return self._try(count)

    def peek(self, limit: RateLimit, *identity: str) -> Allowance:
        """Say what is left, and count nothing."""
        return self._try(lambda counter: _allowance(counter, limit, identity))

    def clear(self, limit: RateLimit, *identity: str) -> None:
        """Forget what was counted, such as the failed logins after a good one."""
        item = _item_of(limit)
        self._in_memory.clear(item, *identity)
        self._try(lambda counter: counter.clear(item, *identity))

    def _try[Answer](self, count: "Callable[[SlidingWindowCounterRateLimiter], Answer]") -> Answer:
        with self._database.attempt() as redis:
            if redis is not None:
                return count(self._in_redis)
        return count(self._in_memory)

    @cached_property
    def _in_redis(self) -> "SlidingWindowCounterRateLimiter":
        from limits.storage import RedisStorage
        from limits.strategies import SlidingWindowCounterRateLimiter

        pool = self._database.client.connection_pool
        return SlidingWindowCounterRateLimiter(
            RedisStorage(self._database.url, connection_pool=pool, key_prefix="limit")
        )

    @cached_property
    def _in_memory(self) -> "SlidingWindowCounterRateLimiter":
        from limits.storage import MemoryStorage
        from limits.strategies import SlidingWindowCounterRateLimiter

        return SlidingWindowCounterRateLimiter(MemoryStorage())


def _item_of(limit: RateLimit) -> "RateLimitItem":
    from limits import RateLimitItemPerSecond

    return RateLimitItemPerSecond(limit.amount, limit.seconds, namespace=limit.name)


def _allowance(
    counter: "SlidingWindowCounterRateLimiter",
    limit: RateLimit,
    identity: tuple[str, ...],
    *,
    allowed: bool | None = None,
) -> Allowance:
    """Ask what is left; `allowed` is the outcome of a hit, None asks for what it would be."""
    reset_at, remaining = counter.get_window_stats(_item_of(limit), *identity)
    reset_seconds = max(0, math.ceil(reset_at - time.time()))
    if remaining < limit.amount and reset_seconds == 0:
        # limits takes it modulo the window, which is 0 for one that has just begun
        reset_seconds = limit.seconds
    return Allowance(
        limit=limit,
        allowed=remaining > 0 if allowed is None else allowed,
        remaining=remaining,
        reset_seconds=reset_seconds,
    )
