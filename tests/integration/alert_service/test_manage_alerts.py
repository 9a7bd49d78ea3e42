"""What people do with alerts, against a real database, also while a tick runs."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

import pytest
from sqlalchemy import create_engine

from alert_service.domain import Series
from alert_service.errors import AlreadyTrueError, SeriesBusyError, TooManyAlertsError
from alert_service.repository import Repository
from alert_service.schemas import AlertView
from alert_service.use_cases import apply_ticks, manage_alerts
from goldalert.errors import InvalidFieldError, NotFoundError
from goldalert.http.idempotency import KeyReusedError
from goldalert.ids import new_id

from .conftest import ADA, NOON, World, make_tick, stored

BEN = UUID(int=2)


def test_a_new_alert_is_as_it_was_sent(world: World) -> None:
    alert = world.create(
        "below",
        "0100.50",
        currency="EUR",
        unit="gram",
        karat=22,
        note="buy",
        channels=["in_app"],
        expires_at="2026-12-01T00:00:00+01:00",
    )
    assert alert.model_dump(mode="json") == {
        "id": str(alert.id),
        "alert_type": "below",
        "threshold": "100.50",
        "currency": "EUR",
        "unit": "gram",
        "karat": 22,
        "if_already_true": "wait",
        "expires_at": "2026-11-30T23:00:00Z",
        "note": "buy",
        "channels": ["in_app"],
        "state": "armed",
        "active": True,
        "created_at": "2026-11-24T12:00:00Z",
        "updated_at": "2026-11-24T12:00:00Z",
        "triggered_at": None,
    }
    assert world.get(alert) == alert


@pytest.mark.parametrize(
    ("alert_type", "further", "back"), [("above", "101", "99"), ("below", "99", "101")]
)
def test_a_condition_that_holds_already_waits_for_the_other_side(
    world: World, alert_type: str, further: str, back: str
) -> None:
    world.tick(1, "100")
    alert = world.create(alert_type, "100")
    world.tick(2, further)
    assert world.fired() == []
    world.tick(3, back)
    world.tick(4, "100")
    assert world.fired() == world.told() == [(alert.id, 4)]


def test_a_condition_that_holds_already_fires_at_once_on_the_last_fresh_price(
    world: World,
) -> None:
    fresh = world.tick(1, "100")
    world.tick(2, "50", "held")
    alert = world.create("above", "100", if_already_true="fire")
    assert (alert.state, alert.active, alert.triggered_at) == ("triggered", False, NOON)
    assert world.get(alert) == alert
    assert world.fired() == world.told() == [(alert.id, 1)]
    assert world.published()[0].data.tick == fresh.data.tick
    [trigger] = manage_alerts.list_triggers(
        world.unit_of_work, user_id=ADA, alert_id=alert.id, limit=20, cursor=None
    ).items
    assert (trigger.price_before, trigger.price_after) == (None, 100)
    world.tick(3, "90")
    world.tick(4, "110")
    assert world.fired() == [(alert.id, 1)]


def test_a_condition_that_holds_already_is_rejected_and_notstored(world: World) -> None:
    world.tick(1, "100")
    with pytest.raises(AlreadyTrueError):
        world.create("above", "100", if_already_true="reject")
    assert world.sql("SELECT 1 FROM alerts UNION ALL SELECT 1 FROM thresholds") == []


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("threshold", {"threshold": "9" * 30}),
        ("threshold", {"threshold": "10000000000000000"}),
        # a kilogram's price below the smallest that is kept
        ("threshold", {"threshold": "0.000000000001", "unit": "kilogram"}),
        ("expires_at", {"expires_at": NOON.isoformat()}),
    ],
)
def test_what_no_price_or_time_can_meet_is_refused(
    world: World, field: str, fields: dict[str, str]
) -> None:
    with pytest.raises(InvalidFieldError) as refused:
        world.create(**{"threshold": "100", **fields})
    assert refused.value.field == field
    assert world.sql("SELECT 1 FROM alerts") == []


def test_a_user_has_a_limit_of_active_alerts(world: World) -> None:
    """S11"""
    first = world.create(max_active=2)
    world.create(max_active=2, expires_at=(NOON + timedelta(hours=1)).isoformat())
    with pytest.raises(TooManyAlertsError):
        world.create(max_active=2)
    world.create(max_active=2, user_id=BEN)
    world.clock.time += timedelta(hours=1)  # the second expires
    third = world.create(max_active=2)
    manage_alerts.delete_alert(world.unit_of_work, user_id=ADA, alert_id=first.id)
    world.tick(1, "90")
    world.tick(2, "110")
    assert world.get(third).state == "triggered"
    world.create("above", "200", max_active=1)
    with pytest.raises(TooManyAlertsError):  # arming it again counts, too
        world.change(third, threshold="300", max_active=1)


def test_more_time_for_an_expired_alert_does_not_pass_the_limit(world: World) -> None:
    """S11: also for one that no tick has met since, which the table still calls armed."""
    expired = world.create(expires_at=(NOON + timedelta(hours=1)).isoformat())
    world.clock.time += timedelta(hours=1)
    world.create(max_active=1)
    with pytest.raises(TooManyAlertsError):
        world.change(expired, max_active=1, expires_at=None)
    assert world.get(expired).state == "expired"


def test_racing_requests_do_not_pass_the_limit(world: World) -> None:
    """S11"""
    start = threading.Barrier(8)

    def create(_: int) -> bool:
        racer = World(create_engine(world.engine.url))
        start.wait()
        try:
            racer.create(max_active=3)
        except TooManyAlertsError:
            return False
        finally:
            racer.engine.dispose()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(8))) == 3
    assert len(world.armed()) == 3


def test_a_repeated_key_gets_the_first_answer_and_sets_no_second_alert(world: World) -> None:
    alert = world.create(key="a-key-of-mine")
    world.clock.time += timedelta(minutes=1)
    assert world.create(key="a-key-of-mine") == alert
    assert world.armed() == {alert.id}
    with pytest.raises(KeyReusedError):
        world.create("below", key="a-key-of-mine")
    assert world.create(key="a-key-of-mine", user_id=BEN).id != alert.id


def test_a_foreign_or_missing_alert_is_not_found(world: World) -> None:
    """S8"""
    alert = world.create()
    for user_id, alert_id in ((BEN, alert.id), (ADA, new_id())):
        stranger = alert.model_copy(update={"id": alert_id})
        with pytest.raises(NotFoundError):
            world.get(stranger, user_id)
        with pytest.raises(NotFoundError):
            world.change(stranger, user_id=user_id, threshold="1")
        with pytest.raises(NotFoundError):
            manage_alerts.delete_alert(world.unit_of_work, user_id=user_id, alert_id=alert_id)
        with pytest.raises(NotFoundError):
            manage_alerts.list_triggers(
                world.unit_of_work, user_id=user_id, alert_id=alert_id, limit=20, cursor=None
            )
    assert world.get(alert) == alert
    assert world.armed() == {alert.id}


def test_lists_hold_the_users_own_newest_first_page_by_page(world: World) -> None:
    alerts = [world.create("above", str(100 + n)) for n in range(5)]
    world.create(user_id=BEN)
    world.tick(1, "90")
    world.tick(2, "101")  # fires the first two
    expiring = world.create(expires_at=(NOON + timedelta(hours=1)).isoformat())
    world.clock.time += timedelta(hours=2)

    def listed(active: bool | None) -> list[UUID]:
        found: list[UUID] = []
        cursor = None
        while True:
            page = manage_alerts.list_alerts(
                world.unit_of_work, world.clock, user_id=ADA, active=active, limit=2, cursor=cursor
            )
            assert len(page.items) <= 2
            assert all(active is None or item.active is active for item in page.items)
            found += [item.id for item in page.items]
            cursor = page.next_cursor
            if cursor is None:
                return found

    newest_first = [expiring.id, *(alert.id for alert in reversed(alerts))]
    assert listed(None) == newest_first
    assert listed(True) == newest_first[1:4]
    assert listed(False) == [newest_first[0], *newest_first[4:]]


def test_the_history_explains_each_trigger(world: World) -> None:
    alert = world.create("above", "3", unit="gram", karat=22)
    other = world.create("above", "105")
    world.create("above", "105", user_id=BEN)
    world.tick(1, "90")
    tick = world.tick(2, "110")
    # the rule of then is told, not the one of now
    world.change(alert, threshold="999")
    history = manage_alerts.list_triggers(
        world.unit_of_work, user_id=ADA, alert_id=alert.id, limit=20, cursor=None
    )
    [entry] = [item.model_dump(mode="json") for item in history.items]
    assert entry == {
        "id": entry["id"],
        "alert_id": str(alert.id),
        "triggered_at": "2026-11-24T12:00:00Z",
        "alert_type": "above",
        "threshold": "3",
        "currency": "USD",
        "unit": "gram",
        "karat": 22,
        "price": "3.24186694567",
        "level": "101.7931968",
        "price_before": "90",
        "price_after": "110",
        "tick": {
            "tick_id": str(tick.data.tick.tick_id),
            "sequence": 2,
            "slot": "2026-11-24T12:10:00Z",
            "state": "fresh",
            "origin": "live",
            "sources": ["swissquote", "coinbase"],
            "counted": 2,
            "agreeing": 2,
            "spread_bps": "1.5",
            "exchange_rates_as_of": None,
        },
    }
    told = {t.trigger_id for e in world.published() for t in e.data.triggers}
    assert UUID(entry["id"]) in told
    everything = manage_alerts.list_triggers(
        world.unit_of_work, user_id=ADA, alert_id=None, limit=20, cursor=None
    )
    assert {item.alert_id for item in everything.items} == {alert.id, other.id}
    assert everything.items == sorted(everything.items, key=lambda item: item.id, reverse=True)


def test_a_changed_threshold_is_the_one_that_fires(world: World) -> None:
    alert = world.create("above", "100")
    world.tick(1, "90")
    assert world.change(alert, threshold="120").threshold == 120
    world.tick(2, "110")
    assert world.fired() == []
    world.tick(3, "120")
    assert world.fired() == world.told() == [(alert.id, 3)]


def test_a_changed_currency_moves_the_alert_to_that_series(world: World) -> None:
    alert = world.create("above", "100")
    world.deliver(make_tick(1, {"USD": Decimal(90), "EUR": Decimal(80)}))
    world.change(alert, currency="EUR")
    world.deliver(make_tick(2, {"USD": Decimal(110), "EUR": Decimal(90)}))
    world.deliver(make_tick(3, {"USD": Decimal(90), "EUR": Decimal(100)}))
    assert world.fired() == [(alert.id, 3)]


def test_a_changed_condition_arms_a_triggered_alert_again(world: World) -> None:
    alert = world.create("above", "100")
    world.tick(1, "90")
    world.tick(2, "110")
    changed = world.change(alert, threshold="120")
    assert (changed.state, changed.triggered_at) == ("armed", NOON)
    world.tick(3, "120")
    assert world.fired() == world.told() == [(alert.id, 2), (alert.id, 3)]


def test_a_change_fires_waits_or_is_rejected_as_a_new_alert_would(world: World) -> None:
    alert = world.create("above", "200")
    world.tick(1, "110")
    with pytest.raises(AlreadyTrueError):
        world.change(alert, threshold="100", if_already_true="reject")
    assert world.get(alert) == alert
    assert world.change(alert, threshold="100").state == "armed"
    fired = world.change(alert, if_already_true="fire")
    assert (fired.state, world.armed()) == ("triggered", set())
    assert world.fired() == world.told() == [(alert.id, 1)]
    # its owner was told of this very price: it waits for the next time
    assert world.change(alert, threshold="105").state == "armed"
    assert world.fired() == world.told() == [(alert.id, 1)]
    world.tick(2, "90")
    world.tick(3, "110")
    assert world.fired() == [(alert.id, 1), (alert.id, 3)]


def test_a_note_or_a_channel_changes_without_arming_anew(world: World) -> None:
    alert = world.create("above", "100", note="old")
    world.tick(1, "90")
    world.tick(2, "110")
    changed = world.change(alert, note=None, channels=["email"])
    assert (changed.note, changed.channels, changed.state) == (None, ["email"], "triggered")
    assert world.get(alert) == changed
    assert world.armed() == set()


def test_an_alert_with_more_time_lives_on_and_an_expired_one_lives_again(world: World) -> None:
    soon = NOON + timedelta(minutes=8)
    living = world.create("above", "100", expires_at=soon.isoformat())
    claimed = world.create("above", "95", expires_at=soon.isoformat())
    world.tick(1, "90")
    world.tick(2, "96")  # at 12:10: too late
    world.clock.time = NOON + timedelta(minutes=10)
    assert world.get(claimed).state == world.get(living).state == "expired"
    with pytest.raises(InvalidFieldError):
        world.change(living, expires_at=soon.isoformat())
    with pytest.raises(InvalidFieldError):
        world.change(living, threshold="101")  # it would be expired at once
    assert world.change(living, expires_at=None).active
    assert world.change(claimed, expires_at=None).active
    world.tick(3, "101")
    assert world.fired() == [(living.id, 3)]
    world.tick(4, "90")
    world.tick(5, "96")
    assert world.fired() == world.told() == [(living.id, 3), (claimed.id, 5)]


def test_a_deleted_alert_is_gone_and_never_fires(world: World) -> None:
    alert = world.create()
    world.tick(1, "90")
    manage_alerts.delete_alert(world.unit_of_work, user_id=ADA, alert_id=alert.id)
    world.tick(2, "110")
    assert world.fired() == world.told() == []
    with pytest.raises(NotFoundError):
        world.get(alert)


@pytest.fixture
def running(world: World) -> World:
    """A world in which the tick 2, from 90 to 110, is pending: its worker has died."""
    world.create("above", "95", user_id=BEN)
    world.tick(1, "90")
    with world.unit_of_work.begin() as tx:
        tx.repository.add_tick(stored(make_tick(2, {"USD": Decimal(110)})))
        tx.repository.save_series(
            Series("price:USD", Decimal(90), 1, 1, Decimal(110)), lease_to=new_id()
        )
    world.end_leases()
    return world


def finish(world: World, prices: list[str]) -> list[tuple[UUID, int]]:
    for sequence, price in enumerate(prices, start=3):
        world.tick(sequence, price)
    assert world.told() == world.fired()
    return world.fired()


def test_an_alert_set_while_a_tick_runs_is_compared_with_that_tick(running: World) -> None:
    """Between 90 and 110 it holds already by the price on its way: it waits for the other side."""
    alert = running.create("above", "100")
    assert alert.id not in {a for a, _ in finish(running, ["111"])}
    running.tick(4, "99")
    running.tick(5, "100")
    assert (alert.id, 5) in running.fired()


def test_an_alert_set_while_a_tick_runs_can_fire_at_once_on_that_tick(running: World) -> None:
    alert = running.create("above", "100", if_already_true="fire")
    assert alert.state == "triggered"
    fired = finish(running, ["99", "110"])
    assert [pair for pair in fired if pair[0] == alert.id] == [(alert.id, 2)]


def test_an_alert_set_while_a_tick_runs_is_rejected_by_that_tick(running: World) -> None:
    with pytest.raises(AlreadyTrueError):
        running.create("above", "100", if_already_true="reject")


def test_an_alert_set_beyond_a_running_tick_fires_on_the_next_that_reaches_it(
    running: World,
) -> None:
    above = running.create("above", "115", if_already_true="fire")
    below = running.create("below", "105", if_already_true="fire")
    fired = finish(running, ["115", "104"])
    assert {(above.id, 3), (below.id, 4)} <= set(fired)
    assert len(fired) == 3


def test_an_alert_changed_while_a_tick_runs_is_compared_with_that_tick(running: World) -> None:
    [row] = running.sql("SELECT alert_id FROM thresholds")
    alert = AlertView.model_construct(id=row.alert_id)
    running.change(alert, user_id=BEN, threshold="100")
    assert finish(running, ["111", "99", "100"]) == [(row.alert_id, 5)]


def test_setting_an_alert_waits_while_the_price_moves(world: World) -> None:
    """The row of the series is the gate: locked by an engine, no alert is compared with it."""
    world.tick(1, "90")
    done = threading.Event()

    def create() -> AlertView:
        other = World(create_engine(world.engine.url))
        try:
            return other.create("above", "100", if_already_true="fire")
        finally:
            done.set()
            other.engine.dispose()

    with ThreadPoolExecutor(1) as pool:
        with world.engine.begin() as connection:
            repository = Repository(connection)
            series = repository.lock_series("price:USD", new_id())
            assert series is not None
            creating = pool.submit(create)
            _wait_until_blocked(world)
            assert not done.is_set()
            tick = make_tick(2, {"USD": Decimal(110)})
            repository.add_tick(stored(tick))
            repository.save_series(series.moved(Decimal(110)), lease_to=None)
        assert creating.result(timeout=10).state == "triggered"


def _wait_until_blocked(world: World) -> None:
    deadline = time.monotonic() + 10
    while not world.sql("SELECT 1 FROM pg_locks WHERE NOT granted"):
        assert time.monotonic() < deadline


def test_changes_that_race_with_ticks_lose_and_double_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R6: all are to fire at once, so that one which holds and is armed was missed, or told of."""
    monkeypatch.setattr(apply_ticks, "CHUNK_ROWS", 2)
    world.tick(1, "100")
    start = threading.Barrier(5)

    def change(seed: int) -> None:
        random = Random(seed)  # noqa: S311 - no secret
        racer, user_id = World(create_engine(world.engine.url)), UUID(int=seed)
        alerts: list[AlertView] = []
        start.wait()
        for _ in range(40):
            rule = {
                "alert_type": random.choice(["above", "below"]),
                "threshold": str(random.randint(95, 105)),
                "if_already_true": "fire",
            }
            if len(alerts) < 4:
                alerts.append(racer.create(user_id=user_id, **rule))
            elif random.random() < 0.2:
                manage_alerts.delete_alert(
                    racer.unit_of_work, user_id=user_id, alert_id=alerts.pop().id
                )
            else:
                racer.change(random.choice(alerts), user_id=user_id, **rule)
        racer.engine.dispose()

    def tick() -> None:
        racer = World(create_engine(world.engine.url))
        start.wait()
        for sequence in range(2, 42):
            try:
                racer.deliver(events[sequence])
            except SeriesBusyError:  # the message comes back, here as another tick
                continue
        racer.engine.dispose()

    random = Random(0)  # noqa: S311
    events = {n: make_tick(n, {"USD": Decimal(random.randint(95, 105))}) for n in range(2, 42)}
    with ThreadPoolExecutor(5) as pool:
        racers = [pool.submit(change, user) for user in (1, 2, 3)]
        racers += [pool.submit(tick) for _ in range(2)]
        for racer in racers:
            racer.result(timeout=60)
    for event in events.values():
        world.deliver(event)

    series = world.series()
    assert (series.applied_sequence, series.pending_price) == (41, None)
    # deleted alerts have no history any more, but their owners were told
    told = world.told()
    assert len(told) == len(set(told))
    kept = {row.id for row in world.sql("SELECT id FROM alerts")}
    assert sorted(world.fired()) == sorted(pair for pair in told if pair[0] in kept)
    assert world.armed() == {row.id for row in world.sql("SELECT id FROM alerts WHERE active")}
    prices = {n: event.data.prices["USD"] for n, event in events.items()}
    for row in world.sql("SELECT alert_id, direction, level FROM thresholds"):
        holds = {
            n: price >= row.level if row.direction == "up" else price <= row.level
            for n, price in prices.items()
        }
        if holds[41]:
            # its owner was told at a price that it held at, and has held at ever since
            assert any(
                alert_id == row.alert_id and all(holds[n] for n in range(max(fired, 2), 42))
                for alert_id, fired in told
            )
