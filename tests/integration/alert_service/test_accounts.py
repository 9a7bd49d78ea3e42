"""The end of an account, and the copy of what is held about it, through their handlers (S18)."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, create_engine, event

from alert_service.bootstrap import Services
from alert_service.handlers import internal, on_user_deleted
from alert_service.repository import Repository
from goldalert import aws
from goldalert.errors import UnauthorizedError
from goldalert.events.alerts import AlertTriggeredV1
from goldalert.events.catalogue import AnyEvent, parse_event
from goldalert.events.users import UserDeletedV1, UserErasedV1
from goldalert.export import EXPORT_ROWS
from goldalert.ids import new_id
from goldalert.messaging.relay import OutboxRelay, OutboxRow
from tests.support.facts import user_deleted
from tests.support.invocations import Context, deliver

from .conftest import ADA, NOON, World

BEN = UUID(int=2)
TABLES = ("alerts", "thresholds", "alert_history", "idempotency_keys")


@pytest.fixture
def world(services: Services, monkeypatch: pytest.MonkeyPatch) -> World:
    for handler in (on_user_deleted, internal):
        monkeypatch.setattr(handler, "services", lambda: services)
    return World(services.engine)


def erase(*events: UserDeletedV1) -> None:
    assert deliver(on_user_deleted.lambda_handler, *(events or [user_deleted(ADA)])) == []


def users(world: World) -> dict[str, set[UUID]]:
    """Return whose rows each table holds."""
    source = {"thresholds": "thresholds t LEFT JOIN alerts a ON a.id = t.alert_id"}
    return {
        table: {row.user_id for row in world.sql(f"SELECT user_id FROM {source.get(table, table)}")}
        for table in TABLES
    }


def everywhere(*user_ids: UUID) -> dict[str, set[UUID]]:
    return {table: set(user_ids) for table in TABLES}


def outbox(world: World) -> list[AnyEvent]:
    return [parse_event(row.message) for row in world.sql("SELECT message FROM outbox ORDER BY id")]


def triggers_for(world: World) -> set[UUID]:
    """Return who is told of a trigger by what is still to be published."""
    return {
        trigger.user_id
        for event in outbox(world)
        if isinstance(event, AlertTriggeredV1)
        for trigger in event.data.triggers
    }


def fill(world: World) -> None:
    """Give Ada and Ben an alert that fired, one that is armed, and stored answers."""
    for user_id in (ADA, BEN):
        world.create("above", "100", user_id=user_id, note="sell", key=f"key-of-{user_id}")
        world.create("below", "50", user_id=user_id, currency="EUR")
    world.tick(1, "90")
    world.tick(2, "110")


def test_whatever_is_the_users_is_erased_and_nobody_elses(world: World) -> None:
    fill(world)
    assert users(world) == everywhere(ADA, BEN)
    event = user_deleted(ADA)
    erase(event)
    assert users(world) == everywhere(BEN)
    assert [row.user_id for row in world.sql("SELECT user_id FROM erased_users")] == [ADA]
    [answer] = [e for e in outbox(world) if isinstance(e, UserErasedV1)]
    assert (answer.producer, answer.data.user_id) == ("alert_service", ADA)
    assert answer.correlation_id == event.correlation_id


def test_the_news_may_come_again_and_of_somebody_unknown(world: World) -> None:
    """R7."""
    fill(world)
    event = user_deleted(ADA)
    erase(event, event)
    erase(event, user_deleted(ADA), user_deleted(new_id()))
    assert users(world) == everywhere(BEN)
    told = [e.data.user_id for e in outbox(world) if isinstance(e, UserErasedV1)]
    # a second event of the same deletion gets an answer of its own
    assert told.count(ADA) == 2
    assert len(told) == 3


def test_a_request_that_comes_after_the_erasure_stores_nothing(world: World) -> None:
    erase()
    for key in (None, "key-of-a-late-request"):
        with pytest.raises(UnauthorizedError):
            world.create(key=key)
    world.create(user_id=BEN)
    assert users(world) == everywhere() | {"alerts": {BEN}, "thresholds": {BEN}}


def test_requests_that_race_the_erasure_leave_nothing(world: World) -> None:
    def create(number: int) -> bool:
        racer = World(create_engine(world.engine.url))
        try:
            racer.create(key=f"key-number-{number}")
        except UnauthorizedError:
            return False
        finally:
            racer.engine.dispose()
        return True

    with ThreadPoolExecutor(8) as pool:
        created = [pool.submit(create, number) for number in range(20)]
        created[3].result(timeout=30)
        erase()
        assert len([future.result(timeout=30) for future in created]) == 20
    assert users(world) == everywhere()


@pytest.fixture
def other_engine(world: World) -> Iterator[Engine]:
    engine = create_engine(world.engine.url)
    yield engine
    engine.dispose()


def wait_until_blocked(world: World) -> None:
    deadline = time.monotonic() + 10
    while not world.sql("SELECT 1 FROM pg_locks WHERE NOT granted"):
        assert time.monotonic() < deadline


def erase_while(world: World, other_engine: Engine, act: Callable[[World], object]) -> None:
    """Erase Ada while something is done in a world of its own that is about to tell of triggers."""
    is_about_to, may_go_on = threading.Event(), threading.Event()

    def wait(_: object, __: object, statement: str, *___: object) -> None:
        if "INTO outbox" in statement:
            is_about_to.set()
            assert may_go_on.wait(timeout=30)

    event.listen(other_engine, "before_cursor_execute", wait)
    with ThreadPoolExecutor(2) as pool:
        acting = pool.submit(act, World(other_engine, world.clock))
        assert is_about_to.wait(timeout=30)
        erasing = pool.submit(erase)
        wait_until_blocked(world)
        assert not erasing.done()
        may_go_on.set()
        erasing.result(timeout=30)
        acting.result(timeout=30)


def test_an_erasure_waits_for_a_tick_that_has_claimed_the_users_levels(
    world: World, other_engine: Engine
) -> None:
    """The claim is committed with its history and event, and the erasure then sees both."""
    fill(world)
    world.create("above", "120")
    world.create("above", "121", user_id=BEN)
    erase_while(world, other_engine, lambda other: other.tick(3, "130"))
    assert users(world) == everywhere(BEN)
    assert triggers_for(world) == {BEN}


def test_an_erasure_waits_for_a_snooze_that_ends_with_a_trigger(
    world: World, other_engine: Engine
) -> None:
    fill(world)
    for user_id in (ADA, BEN):
        alert = world.create("above", "120", user_id=user_id, if_already_true="fire")
        world.snooze(alert, NOON + timedelta(minutes=30), user_id)
    world.tick(3, "130")
    world.clock.time += timedelta(hours=1)
    erase_while(world, other_engine, World.rearm)
    assert users(world) == everywhere(BEN)
    assert triggers_for(world) == {BEN}


def test_a_tick_that_finds_an_erasure_at_work_fires_nothing_for_the_user(
    world: World, other_engine: Engine
) -> None:
    """It waits instead of spinning: the erasure shares the rows of the series."""
    ben = world.create("above", "100", user_id=BEN)
    world.create("above", "100")
    world.tick(1, "90")
    with ThreadPoolExecutor(1) as pool:
        with other_engine.begin() as connection:
            Repository(connection).erase_user(ADA)
            ticking = pool.submit(world.tick, 2, "110")
            wait_until_blocked(world)
            assert not ticking.done()
        ticking.result(timeout=10)
    assert world.fired() == [(ben.id, 2)]
    assert triggers_for(world) == {BEN}


def test_what_fired_and_is_not_published_yet_tells_of_the_others_alone(world: World) -> None:
    fill(world)
    [before] = outbox(world)
    assert {trigger.user_id for trigger in before.data.triggers} == {ADA, BEN}
    erase()
    [after] = [event for event in outbox(world) if isinstance(event, AlertTriggeredV1)]
    assert (after.event_id, after.correlation_id) == (before.event_id, before.correlation_id)
    assert after.data.triggers == [t for t in before.data.triggers if t.user_id == BEN]
    erase(user_deleted(BEN))
    assert triggers_for(world) == set()


class Topic:
    """SNS, which does something while it takes an event."""

    def __init__(self, during: Callable[[], None]) -> None:
        self._during = during

    def publish(self, topic: str, rows: Sequence[OutboxRow]) -> dict[UUID, str]:
        self._during()
        return {}


def test_an_erasure_comes_back_when_the_users_trigger_is_being_published(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the commit of an erasure nothing about the user leaves."""
    pauses: list[int] = []

    class Queue:
        def get_queue_url(self, **_: Any) -> dict[str, str]:
            return {"QueueUrl": "https://queue"}

        def change_message_visibility(self, **sent: Any) -> None:
            pauses.append(sent["VisibilityTimeout"])

    monkeypatch.setattr(aws, "client", lambda _: Queue())
    fill(world)
    event = user_deleted(ADA)

    def erase_in_vain() -> None:
        assert deliver(on_user_deleted.lambda_handler, event) == ["message-0"]

    assert OutboxRelay(world.engine, Topic(erase_in_vain)).run() == 1
    assert users(world) == everywhere(ADA, BEN)
    # four more tries outlast the lease of a relay that died
    assert pauses == [5]
    erase(event)
    assert users(world) == everywhere(BEN)


def export(user_id: UUID = ADA) -> Any:
    return internal.lambda_handler(
        {
            "action": "export_user",
            "correlation_id": "request",
            "arguments": {"user_id": str(user_id)},
        },
        Context(),
    )


def test_the_export_holds_what_is_the_users(world: World) -> None:
    fill(world)
    part = export()
    assert part.keys() == {"alerts", "triggers", "truncated"}
    assert [(a["alert_type"], a["threshold"], a["note"]) for a in part["alerts"]] == [
        ("below", "50", None),
        ("above", "100", "sell"),
    ]
    assert [(a["version"], a["state"], a["repeat"]) for a in part["alerts"]] == [
        (1, "armed", "once"),
        (1, "triggered", "once"),
    ]
    [trigger] = part["triggers"]
    assert (trigger["alert_id"], trigger["price"]) == (part["alerts"][1]["id"], "110")
    assert trigger["tick"]["slot"] == "2026-11-24T12:10:00Z"
    assert part["truncated"] is False
    assert export(new_id()) == {"alerts": [], "triggers": [], "truncated": False}


def test_a_long_export_is_cut_and_says_so(world: World) -> None:
    world.create()
    world.sql(
        "INSERT INTO alerts (id, user_id, alert_type, threshold, currency, unit, karat, repeat, "
        "cooldown_minutes, hysteresis_percent, if_already_true, version, channels, state, "
        "created_at, updated_at) "
        "SELECT gen_random_uuid(), user_id, alert_type, threshold, currency, unit, karat, repeat, "
        "cooldown_minutes, hysteresis_percent, if_already_true, version, channels, 'expired', "
        f"created_at, updated_at FROM alerts, generate_series(1, {EXPORT_ROWS}) RETURNING 1"
    )
    part = export()
    assert part["truncated"] is True
    assert 0 < len(part["alerts"]) < EXPORT_ROWS
    erase()
    assert users(world) == everywhere()
