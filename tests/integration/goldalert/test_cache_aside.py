"""Cache-aside on a real Redis, and on one that is away."""

from collections.abc import Callable

import pytest
from pydantic import BaseModel
from redis import TimeoutError

from goldalert.cache.cache_aside import Cache
from goldalert.cache.client import RedisDatabase
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
def database(redis_url: Callable[[int], str]) -> RedisDatabase:
    return RedisDatabase(redis_url(2))


@pytest.fixture
def cache(database: RedisDatabase) -> Cache:
    return Cache(database, ttl_seconds=300)


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


def test_what_was_loaded_before_a_write_does_not_outlive_it(cache: Cache) -> None:
    source = Source()

    def load_slowly() -> Price:
        loaded = source.load()
        source.value = "2"
        cache.invalidate("price:USD")
        return loaded

    assert cache.get_or_load("price:USD", Price, load_slowly).value == "1"
    assert cache.get_or_load("price:USD", Price, source.load).value == "2"


def test_a_reader_that_meets_another_loads_for_itself(cache: Cache) -> None:
    source = Source()

    def load_meanwhile() -> Price:
        cache.get_or_load("price:USD", Price, source.load)
        return source.load()

    cache.get_or_load("price:USD", Price, load_meanwhile)
    cache.get_or_load("price:USD", Price, source.load)
    assert source.asked == 2


def test_a_load_that_fails_keeps_nobody_from_loading(cache: Cache, database: RedisDatabase) -> None:
    def fail() -> Price:
        raise LookupError

    with pytest.raises(LookupError):
        cache.get_or_load("price:USD", Price, fail)
    assert cache.get_or_load("price:USD", Price, Source().load).value == "1"
    assert (ttl := database.client.ttl("price:USD")) and ttl > 290  # type: ignore[operator]


def test_an_entry_lives_for_its_time(cache: Cache, database: RedisDatabase) -> None:
    cache.get_or_load("price:USD", Price, Source().load)
    ttl = database.client.ttl("price:USD")
    assert isinstance(ttl, int)
    assert 290 < ttl <= 300


def test_an_entry_may_say_itself_how_long_it_lives(cache: Cache, database: RedisDatabase) -> None:
    source = Source()
    source.value = "20"

    cache.get_or_load("price:USD", Price, source.load, ttl_of=lambda price: int(price.value))

    ttl = database.client.ttl("price:USD")
    assert isinstance(ttl, int)
    assert 10 < ttl <= 20


def test_an_entry_of_another_shape_is_overwritten(cache: Cache, database: RedisDatabase) -> None:
    source = Source()
    database.client.set("price:USD", '{"amount": 1}')
    for _ in range(2):
        assert cache.get_or_load("price:USD", Price, source.load).value == "1"
    assert source.asked == 1


def test_a_flushed_redis_costs_a_load_and_no_answer(cache: Cache, database: RedisDatabase) -> None:
    """R12."""
    source = Source()
    cache.get_or_load("price:USD", Price, source.load)
    database.client.flushall()
    assert cache.get_or_load("price:USD", Price, source.load).value == "1"
    assert source.asked == 2


def test_a_redis_that_is_away_costs_a_load_and_no_answer() -> None:
    """R12."""
    cache, source = Cache(RedisDatabase("redis://127.0.0.1:1/0"), ttl_seconds=300), Source()
    for _ in range(2):
        assert cache.get_or_load("price:USD", Price, source.load).value == "1"
    cache.invalidate("price:USD")
    assert source.asked == 2


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_redis_that_failed_is_left_alone_for_some_seconds(
    redis_url: Callable[[int], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """R12: its time-out is paid once, not on every read."""
    clock = Clock()
    database = RedisDatabase(redis_url(2), monotonic=clock)
    cache = Cache(database, ttl_seconds=300)
    tried: list[str] = []

    def fail(key: str) -> None:
        tried.append(key)
        raise TimeoutError

    with monkeypatch.context() as away:
        away.setattr(database.client, "get", fail)
        for seconds, tries in ((0.0, 1), (4.9, 1), (5.1, 2), (10.0, 2)):
            clock.seconds = seconds
            assert cache.get_or_load("price:USD", Price, Source().load).value == "1"
            assert len(tried) == tries
    assert database.client.get("price:USD") is None
    clock.seconds = 10.2
    cache.get_or_load("price:USD", Price, Source().load)
    assert database.client.get("price:USD") is not None
    database.client.close()


def test_an_invalidation_is_tried_even_while_redis_is_left_alone(
    cache: Cache, database: RedisDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others may read the entry for long after a failure that was short."""
    cache.get_or_load("price:USD", Price, Source().load)
    with monkeypatch.context() as away:
        away.setattr(database.client, "get", lambda _: (_ for _ in ()).throw(TimeoutError))
        cache.get_or_load("price:USD", Price, Source().load)
    cache.invalidate("price:USD")
    assert database.client.get("price:USD") is None


def test_of_many_invalidations_each_does_without_a_redis_that_is_left_alone(
    cache: Cache, database: RedisDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R12: who writes a hundred times in a row does not wait for a hundred time-outs."""
    cache.get_or_load("price:USD", Price, Source().load)
    cache.invalidate("price:USD", always=False)
    assert database.client.get("price:USD") is None
    tried: list[str] = []

    def fail(key: str) -> None:
        tried.append(key)
        raise TimeoutError

    monkeypatch.setattr(database.client, "delete", fail)
    for _ in range(3):
        cache.invalidate("price:USD", always=False)
    assert tried == ["price:USD"]


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
