"""Cache-aside on a real Redis, and on one that is away."""

from collections.abc import Callable

import pytest
from pydantic import BaseModel

from goldalert.cache.cache_aside import Cache
from goldalert_local.stores.redis import EmbeddedRedis


class Price(BaseModel):
    value: str


class Source:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.value = "1"
        self.asked = 0

    def load(self) -> Price:
        self.asked += 1
        return Price(value=self.value)


@pytest.fixture
def cache(redis_url: Callable[[int], str]) -> Cache:
    return Cache(redis_url(2), ttl_seconds=300)


def test_the_second_read_does_not_load(cache: Cache) -> None:
    source = Source()
    reads = [cache.get_or_load("price:USD", Price, source.load) for _ in range(2)]
    assert (reads, source.asked) == ([Price(value="1")] * 2, 1)


def test_an_invalidated_entry_is_loaded_anew(cache: Cache) -> None:
    source = Source()
    cache.get_or_load("price:USD", Price, source.load)
    source.value = "2"
    cache.invalidate("price:USD")
    assert cache.get_or_load("price:USD", Price, source.load).value == "2"


def test_an_entry_lives_for_its_time(cache: Cache) -> None:
    cache.get_or_load("price:USD", Price, Source().load)
    ttl = cache.redis.ttl("price:USD")
    assert isinstance(ttl, int)
    assert 290 < ttl <= 300


def test_an_entry_of_another_shape_is_overwritten(cache: Cache) -> None:
    source = Source()
    cache.redis.set("price:USD", '{"amount": 1}')
    for _ in range(2):
        assert cache.get_or_load("price:USD", Price, source.load).value == "1"
    assert source.asked == 1


def test_a_flushed_redis_costs_a_load_and_no_answer(cache: Cache) -> None:
    """R12."""
    source = Source()
    cache.get_or_load("price:USD", Price, source.load)
    cache.redis.flushall()
    assert cache.get_or_load("price:USD", Price, source.load).value == "1"
    assert source.asked == 2


def test_a_redis_that_is_away_costs_a_load_and_no_answer() -> None:
    """R12."""
    cache, source = Cache("redis://127.0.0.1:1/0", ttl_seconds=300), Source()
    for _ in range(2):
        assert cache.get_or_load("price:USD", Price, source.load).value == "1"
    cache.invalidate("price:USD")
    assert source.asked == 2


def test_a_connection_that_the_server_closed_is_made_anew(
    cache: Cache, redis_server: EmbeddedRedis
) -> None:
    from redis import Redis

    source = Source()
    cache.get_or_load("price:USD", Price, source.load)
    with Redis.from_url(redis_server.url) as other:
        other.client_kill_filter(_type="normal", skipme=True)
    cache.get_or_load("price:USD", Price, source.load)
    assert source.asked == 1
