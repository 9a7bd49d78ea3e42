"""The Redis client as every part of ours wants it: short time-outs, one new connection at once."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redis import Redis

_TIMEOUT_SECONDS = 0.25


def make_redis(url: str) -> "Redis":
    """Return a client of `redis://…/<db>` or `rediss://…/<db>` (TLS, verified).

    It connects on first use; its commands raise `redis.RedisError`.
    """
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return Redis.from_url(
        url,
        socket_timeout=_TIMEOUT_SECONDS,
        socket_connect_timeout=_TIMEOUT_SECONDS,
        decode_responses=True,
        # one new connection at once, for the one that the server closed while we were frozen
        retry=Retry(NoBackoff(), 1),
    )
