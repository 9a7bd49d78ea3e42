"""The copy of a user's active alerts in Redis: read where it is right, and never needed."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from redis import Redis, TimeoutError
from sqlalchemy import create_engine, event

from alert_service.bootstrap import Services
from alert_service.handlers import on_user_deleted
from alert_service.repository import Repository
from alert_service.schemas import AlertView
from alert_service.use_cases import apply_ticks, manage_alerts, rearm
from goldalert.cache.cache_aside import Cache
from goldalert.cache.client import RedisDatabase
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.ids import new_id
from tests.support.facts import user_deleted
from tests.support.invocations import deliver

from .conftest import ADA, NOON, World, make_tick

KEY = f"active_alerts:{ADA}"
BEN = UUID(int=2)


@pytest.fixture
def redis(redis_url: Callable[[int], str]) -> Redis:
    return Redis.from_url(redis_url(3), decode_responses=True)


@pytest.fixture
def cached(world: World, redis_url: Callable[[int], str]) -> World:
    """A world with Redis."""
    world.cache = Cache(RedisDatabase(redis_url(3)), ttl_seconds=1800)
    return world


def active(world: World, *, limit: int = 20, cursor: str | None = None) -> list[AlertView]:
    return manage_alerts.list_alerts(
        world.unit_of_work,
        world.cache,
        world.clock,
        user_id=ADA,
        active=True,
        limit=limit,
        cursor=cursor,
    ).items


def reads_of_alerts(world: World, act: Callable[[], object]) -> int:
    """Return how many statements ask for alerts while something is done."""
    seen: list[str] = []

    def see(_: object, __: object, statement: str, *___: object) -> None:
        seen.append(statement)

    event.listen(world.engine, "before_cursor_execute", see)
    act()
    event.remove(world.engine, "before_cursor_execute", see)
    return sum("FROM alerts" in statement for statement in seen)


def test_active_alerts_are_read_from_the_database_once(cached: World, redis: Redis) -> None:
    alerts = [
        cached.create("above", "100", note="ä", expires_at="2027-01-01T00:00:00Z"),
        cached.create("trailing", None, trail_percent="5.50", unit="gram", karat=22),
        cached.create("range_exit", "100", upper="120", currency="EUR", repeat="every"),
        cached.snooze(cached.create("percent_change", "-2", window="1h"), NOON + timedelta(days=1)),
    ]
    assert reads_of_alerts(cached, lambda: active(cached)) == 1
    assert 0 < redis.ttl(KEY) <= 1800
    assert reads_of_alerts(cached, lambda: active(cached)) == 0
    assert active(cached) == alerts[::-1]
    for alert in alerts:
        assert reads_of_alerts(cached, lambda alert=alert: cached.get(alert)) == 0
        assert cached.get(alert) == alert
    page = active(cached, limit=2)
    assert [one.id for one in page] == [alerts[3].id, alerts[2].id]


@pytest.mark.parametrize(
    "change",
    [
        lambda world, _: world.create("below", "50"),
        lambda world, alert: world.change(alert, note="new"),
        lambda world, alert: world.change(alert, threshold="105"),
        lambda world, alert: world.pause(alert),
        lambda world, alert: world.snooze(alert, NOON + timedelta(hours=1)),
        lambda world, alert: world.delete(alert),
        lambda world, _: world.tick(2, "110"),
    ],
    ids=["create", "note", "rule", "pause", "snooze", "delete", "trigger"],
)
def test_a_write_is_seen_by_the_next_read(
    cached: World, change: Callable[[World, AlertView], object]
) -> None:
    cached.tick(1, "90")
    alert = cached.create("above", "100")
    assert active(cached) == [alert]
    change(cached, alert)
    assert active(cached) != [alert]
    without_redis = World(cached.engine, cached.clock)
    assert active(cached) == active(without_redis)


def test_what_time_does_is_seen_by_the_next_read(cached: World) -> None:
    cached.tick(1, "90")
    alert = cached.create("above", "100", repeat="every", cooldown_minutes=10)
    cached.tick(2, "110")
    cached.tick(3, "90")
    assert [one.state for one in active(cached)] == ["cooling"]
    cached.clock.time = NOON + timedelta(hours=1)
    cached.rearm()
    assert [(one.state, one.levels) for one in active(cached)] == [("armed", alert.levels)]


@pytest.mark.parametrize("cause", ["tick", "time"])
def test_a_copy_is_forgotten_before_anybody_hears_of_the_trigger(
    cached: World, redis: Redis, cause: str
) -> None:
    cached.tick(1, "90")
    alert = cached.create("above", "100", if_already_true="fire")
    if cause == "time":
        cached.snooze(alert, NOON + timedelta(minutes=15))
        cached.tick(2, "110")
        cached.clock.time += timedelta(minutes=15)
    active(cached)
    kept: list[object] = []

    class Listener:
        def run(self, *, only: Sequence[UUID]) -> int:
            kept.append(redis.exists(KEY))
            return len(only)

    unit_of_work = UnitOfWork(cached.engine, Repository, Listener())
    if cause == "tick":
        event = make_tick(2, {"USD": Decimal(110)})
        apply_ticks.on_price_updated(unit_of_work, cached.cache, cached.clock, event, lambda: True)
    else:
        rearm.rearm_due_alerts(
            unit_of_work, cached.cache, cached.clock, lambda: True, at=cached.clock.now()
        )
    assert cached.fired() == [(alert.id, 2)]
    assert kept == [0]


def test_a_redis_that_hangs_costs_a_claim_one_time_out(
    cached: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R12: not one for each chunk, of which a tick may claim hundreds."""
    cached.tick(1, "90")
    for user in range(1, 6):
        cached.create(user_id=UUID(int=user))
    tried: list[str] = []

    def hang(*keys: str) -> None:
        tried.extend(keys)
        raise TimeoutError

    monkeypatch.setattr(cached.cache._database.client, "delete", hang)
    monkeypatch.setattr(apply_ticks, "CHUNK_ROWS", 1)
    cached.tick(2, "110")
    assert len(cached.fired()) == 5
    assert len(tried) == 1


def test_an_alert_that_expires_leaves_the_copy_without_a_write(cached: World) -> None:
    alert = cached.create(expires_at=(NOON + timedelta(minutes=10)).isoformat())
    assert active(cached) == [alert]
    cached.clock.time += timedelta(minutes=10)
    assert active(cached) == []
    expired = cached.get(alert)
    assert (expired.state, expired.active, expired.levels) == ("expired", False, None)


def test_the_price_that_a_percentage_is_measured_against_is_never_a_copy(cached: World) -> None:
    cached.tick(1, "100")
    alert = cached.create("trailing", None, trail_percent="5")
    active(cached)
    cached.tick(2, "110")  # claims nothing, so that the copy stays
    assert reads_of_alerts(cached, lambda: active(cached)) == 0
    reading = cached.get(alert).reading
    assert reading is not None
    assert reading.reference == 110


def test_a_foreign_alert_is_in_nobody_elses_copy(cached: World, redis: Redis) -> None:
    """S8"""
    cached.create(user_id=BEN)
    assert active(cached) == []
    assert redis.keys("active_alerts:*") == [KEY]


def test_a_read_that_is_overtaken_by_a_write_is_not_kept(
    cached: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has read what was before, and would bring it back into Redis for half an hour."""
    alert = cached.create("above", "100")
    read, writes = Repository.alerts, [True]

    def read_slowly(self: object, *args: object, **kwargs: object) -> object:
        found = read(self, *args, **kwargs)
        if writes:
            writes.clear()
            other = World(create_engine(cached.engine.url), cached.clock, cached.cache)
            other.change(alert, threshold="105")
            other.engine.dispose()
        return found

    monkeypatch.setattr(Repository, "alerts", read_slowly)
    assert [one.threshold for one in active(cached)] == [100]  # as it was when it was asked
    assert [one.threshold for one in active(cached)] == [105]


def test_readers_and_writers_that_race_leave_the_last_write(cached: World) -> None:
    alert = cached.create("above", "100")
    writing = True

    def read() -> None:
        racer = World(create_engine(cached.engine.url), cached.clock, cached.cache)
        while writing:
            active(racer)
        racer.engine.dispose()

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        try:
            for threshold in range(101, 141):
                cached.change(alert, threshold=str(threshold))
                assert [one.threshold for one in active(cached)] == [threshold]
        finally:
            writing = False
        for reader in readers:
            reader.result(timeout=10)
    assert cached.get(alert).threshold == 140


@pytest.mark.parametrize("entry", ["{}", "no json", '{"alerts": [{"alert": {}}]}', ""])
def test_what_another_version_has_left_in_redis_is_read_anew(
    cached: World, redis: Redis, entry: str
) -> None:
    alert = cached.create()
    redis.set(KEY, entry)
    assert active(cached) == [alert]
    assert cached.get(alert) == alert


def test_redis_flushed_or_away_changes_no_answer(
    cached: World, redis: Redis, services: Services
) -> None:
    alert = cached.create()
    assert active(cached) == [alert]
    redis.flushdb()
    assert active(cached) == [alert]
    cached.cache = services.cache  # which nobody answers
    assert active(cached) == [alert]
    assert cached.get(alert) == alert
    assert cached.change(alert, note="new").note == "new"
    assert active(cached)[0].note == "new"


def test_an_erased_user_leaves_no_copy(
    cached: World, services: Services, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S18"""
    services.engine, services.cache = cached.engine, cached.cache
    monkeypatch.setattr(on_user_deleted, "services", lambda: services)
    cached.create()
    active(cached)
    assert redis.exists(KEY)
    assert deliver(on_user_deleted.lambda_handler, user_deleted(ADA)) == []
    assert not redis.exists(KEY)


def test_alerts_about_prices_are_shown_without_the_database(cached: World) -> None:
    began: list[object] = []
    begin = began.append
    alerts = [cached.create("above", "100")]
    active(cached)
    event.listen(cached.engine, "begin", begin)
    assert [cached.get(alerts[0]), *active(cached)] == alerts * 2
    assert began == []
    trailing = cached.create("trailing", None, trail_percent="5")
    active(cached)
    began.clear()
    cached.get(trailing)  # where its percentage stands is no copy
    assert len(began) == 1
    event.remove(cached.engine, "begin", begin)


def test_more_active_alerts_than_a_user_may_have_today_are_all_there(cached: World) -> None:
    first = cached.create("above", "100")
    with cached.unit_of_work.begin() as tx:
        alert = tx.repository.alert(ADA, first.id)
        assert alert is not None
        for _ in range(1000):
            tx.repository.add_alert(replace(alert, id=new_id()))
    assert active(cached, limit=2000)[-1] == first
