"""Rate limits on a real Redis, and without one (S3)."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import BaseModel
from redis import Redis

from goldalert.cache.cache_aside import Cache
from goldalert.cache.client import RedisDatabase
from goldalert.observability.log import logger
from goldalert.rate_limiting import Allowance, RateLimit, RateLimiter
from goldalert_local.stores.redis import EmbeddedRedis

LIMIT = RateLimit("test", amount=3, seconds=900)
AWAY = "redis://127.0.0.1:1/0"


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(logger, "warning", lambda message, **_: found.append(message))
    return found


@pytest.fixture(params=["redis", "memory"])
def limiter(request: pytest.FixtureRequest, redis_url: Callable[[int], str]) -> RateLimiter:
    return RateLimiter(RedisDatabase(redis_url(0) if request.param == "redis" else AWAY))


def test_hits_are_allowed_up_to_the_amount(limiter: RateLimiter) -> None:
    answers = [limiter.hit(LIMIT, "a", "b") for _ in range(5)]
    assert [answer.allowed for answer in answers] == [True, True, True, False, False]
    assert [answer.remaining for answer in answers] == [2, 1, 0, 0, 0]
    assert all(0 < answer.reset_seconds <= LIMIT.seconds for answer in answers)


def test_a_peek_counts_nothing(limiter: RateLimiter) -> None:
    fresh = Allowance(LIMIT, allowed=True, remaining=3, reset_seconds=0)
    assert [limiter.peek(LIMIT, "a") for _ in range(5)] == [fresh] * 5
    for _ in range(3):
        limiter.hit(LIMIT, "a")
    used_up = limiter.peek(LIMIT, "a")
    assert (used_up.allowed, used_up.remaining) == (False, 0)


def test_names_and_identities_are_counted_apart(limiter: RateLimiter) -> None:
    for _ in range(3):
        limiter.hit(LIMIT, "a", "b")
    assert not limiter.peek(LIMIT, "a", "b").allowed
    assert limiter.peek(LIMIT, "a", "c").remaining == 3
    assert limiter.peek(RateLimit("other", amount=3, seconds=900), "a", "b").remaining == 3


def test_a_cleared_count_starts_anew(limiter: RateLimiter) -> None:
    for _ in range(3):
        limiter.hit(LIMIT, "a")
    limiter.clear(LIMIT, "a")
    assert limiter.hit(LIMIT, "a").remaining == 2


def test_what_was_refused_is_allowed_again_in_time(limiter: RateLimiter) -> None:
    limit = RateLimit("short", amount=1, seconds=1)
    assert limiter.hit(limit, "a").allowed
    deadline = time.monotonic() + 10
    while not limiter.hit(limit, "a").allowed:
        assert time.monotonic() < deadline


def test_20_racing_hits_get_no_more_than_the_amount(redis_url: Callable[[int], str]) -> None:
    limiter = RateLimiter(RedisDatabase(redis_url(0)))
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: limiter.hit(LIMIT, "a"), range(20)))
    assert sum(answer.allowed for answer in answers) == LIMIT.amount


def test_processes_count_together_in_redis(redis_url: Callable[[int], str]) -> None:
    url = redis_url(0)
    for _ in range(3):
        assert RateLimiter(RedisDatabase(url)).hit(LIMIT, "a").allowed
    assert not RateLimiter(RedisDatabase(url)).hit(LIMIT, "a").allowed


def test_what_redis_keeps_ends_with_the_window(redis_url: Callable[[int], str]) -> None:
    url = redis_url(0)
    RateLimiter(RedisDatabase(url)).hit(LIMIT, "a")
    with Redis.from_url(url, decode_responses=True) as client:
        [key] = client.keys()
        assert key.startswith("limit:{test/a/")
        assert 0 < client.ttl(key) <= 2 * LIMIT.seconds


def test_a_redis_that_is_away_is_left_alone_after_one_error(
    warnings: list[str],
) -> None:
    """R12: one time-out and one line, then nothing for some seconds, then another try."""
    now = 0.0
    limiter = RateLimiter(RedisDatabase(AWAY, monotonic=lambda: now))
    assert [limiter.hit(LIMIT, "a").allowed for _ in range(4)] == [True, True, True, False]
    assert warnings == ["redis is down, left alone"]
    now = 60.0
    assert not limiter.hit(LIMIT, "a").allowed
    assert len(warnings) == 2


class Entry(BaseModel):
    pass


def test_a_redis_that_is_away_is_paid_for_once_by_all_who_share_it(warnings: list[str]) -> None:
    """R12."""
    database = RedisDatabase(AWAY)
    with database.attempt() as redis:
        assert redis is not None
        redis.ping()
    assert RateLimiter(database).hit(LIMIT, "a").allowed
    assert Cache(database, ttl_seconds=60).get_or_load("entry", Entry, Entry) == Entry()
    with database.attempt() as redis:
        assert redis is None
    assert len(warnings) == 1


def test_limits_hold_while_redis_is_stopped_and_are_shared_when_it_is_back(
    tmp_path: Path, warnings: list[str]
) -> None:
    """R12."""
    server = EmbeddedRedis(tmp_path / "data", tmp_path, "only-for-tests")
    server.start()
    server.wait()
    try:
        now = 0.0
        limiter = RateLimiter(RedisDatabase(f"{server.url}/0", monotonic=lambda: now))
        assert limiter.hit(LIMIT, "a").remaining == 2
        server.stop()
        assert [limiter.hit(LIMIT, "a").allowed for _ in range(4)] == [True, True, True, False]
        server.start()
        server.wait()
        now = 60.0
        assert limiter.hit(LIMIT, "a").remaining == 1
    finally:
        server.stop()
    assert len(warnings) == 1
