"""The engine against a real database: order, repetition, equality, expiry, and crashes."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import create_engine

from alert_service.config import CHUNK_ROWS
from alert_service.errors import InvalidTickError, SeriesBusyError
from alert_service.use_cases import apply_ticks
from goldalert.events.prices import TickState
from goldalert.events.users import UserEmailVerifiedData, UserEmailVerifiedV1
from goldalert.ids import new_id
from goldalert.messaging.consumer import OutOfTimeError
from goldalert.messaging.outbox import MAX_MESSAGE_BYTES

from .conftest import ADA, NOON, Killed, World, killed_at, make_tick


def test_a_price_that_reaches_the_threshold_exactly_fires(world: World) -> None:
    above = world.create("above", "100")
    below = world.create("below", "90")
    world.tick(1, "95")
    world.tick(2, "100")
    world.tick(3, "90")
    assert world.fired() == world.told() == [(above.id, 2), (below.id, 3)]
    assert world.armed() == set()


def test_a_price_that_does_not_reach_the_threshold_does_not_fire(world: World) -> None:
    above = world.create("above", "100")
    below = world.create("below", "90")
    for sequence, price in enumerate(["95", "99.999999999999", "90.000000000001"], start=1):
        world.tick(sequence, price)
    assert world.fired() == world.told() == []
    assert world.armed() == {above.id, below.id}


def test_an_alert_fires_once_and_is_told_of_with_the_tick_and_its_correlation_id(
    world: World,
) -> None:
    alert = world.create("above", "3", unit="gram", karat=22, note="sell", channels=["in_app"])
    world.tick(1, "90")
    tick = world.tick(2, "110")
    world.tick(3, "90")
    world.tick(4, "110")
    [event] = world.published()
    [trigger] = event.data.triggers
    assert event.correlation_id == tick.correlation_id
    assert event.data.tick == tick.data.tick
    assert (trigger.alert_id, trigger.user_id, trigger.note) == (alert.id, ADA, "sell")
    assert (trigger.currency, trigger.unit, trigger.karat) == ("USD", "gram", 22)
    assert trigger.channels == ["in_app"]
    assert trigger.price == Decimal("3.241866945670")  # 110 / 31.1034768 * 22 / 24
    assert world.get(alert).state == "triggered"
    assert world.get(alert).active is False


def test_a_tick_delivered_three_times_triggers_once(world: World) -> None:
    """R7"""
    alert = world.create()
    world.tick(1, "90")
    event = make_tick(2, {"USD": Decimal(110)})
    for _ in range(3):
        world.deliver(event)
    # the same tick, published a second time under another id
    world.deliver(event.model_copy(update={"event_id": new_id()}))
    assert world.fired() == world.told() == [(alert.id, 2)]


def test_ticks_that_come_out_of_order_are_applied_in_order(world: World) -> None:
    """R7: read in the order of arrival the price would go 90, 105, 95 and trigger nothing at 3."""
    above = world.create("above", "100")
    below = world.create("below", "97")
    for sequence, price in [(1, "90"), (4, "98"), (3, "105"), (2, "95")]:
        world.tick(sequence, price)
    assert world.fired() == world.told() == [(above.id, 3)]
    assert world.armed() == {below.id}
    assert world.series().value == 98


def test_ticks_behind_a_missing_one_wait_for_it(world: World) -> None:
    alert = world.create()
    world.tick(1, "90")
    world.tick(3, "110")
    assert world.fired() == []
    assert (world.series().applied_sequence, world.series().leased_by) == (1, None)
    world.tick(2, "95")
    assert world.fired() == world.told() == [(alert.id, 3)]


def test_a_missing_tick_is_skipped_after_the_deadline_with_a_record(world: World) -> None:
    alert = world.create("above", "100")
    low = world.create("below", "50")
    world.tick(1, "90")
    world.tick(4, "110")
    world.sql("UPDATE ticks SET stored_at = now() - interval '14 minutes 50 seconds' RETURNING 1")
    world.tick(5, "111")
    assert world.fired() == []
    world.sql("UPDATE ticks SET stored_at = now() - interval '15 minutes' RETURNING 1")
    world.tick(6, "112")
    assert world.fired() == [(alert.id, 4)]
    [skipped] = world.sql("SELECT series, first_sequence, last_sequence FROM skipped_ticks")
    assert tuple(skipped) == ("price:USD", 2, 3)
    # too late: it is kept, but older never wins
    world.tick(2, "40")
    assert world.armed() == {low.id}
    assert (world.series().value, world.series().applied_sequence) == (112, 6)


def test_a_missing_tick_is_skipped_by_the_schedule_when_no_more_tick_comes(world: World) -> None:
    alert = world.create()
    world.tick(1, "90")
    world.tick(3, "110")
    world.apply_due()
    assert world.fired() == []
    world.sql("UPDATE ticks SET stored_at = now() - interval '15 minutes' RETURNING 1")
    world.apply_due()
    assert world.fired() == world.told() == [(alert.id, 3)]
    assert len(world.sql("SELECT 1 FROM skipped_ticks")) == 1


@pytest.mark.parametrize("state", ["held", "closed", "unknown", "stale"])
def test_a_tick_that_may_not_trigger_passes_without_moving_the_price(
    world: World, state: TickState
) -> None:
    alert = world.create()
    world.tick(1, "90")
    world.tick(2, "110", state)
    assert world.fired() == []
    assert (world.series().value, world.series().applied_sequence) == (90, 2)
    world.tick(3, "110", "reduced")
    assert world.fired() == world.told() == [(alert.id, 3)]


def test_the_first_price_shows_the_side_and_triggers_only_what_asked_to_fire(world: World) -> None:
    waiting = world.create("above", "100")
    firing = world.create("above", "100", if_already_true="fire")
    firing_below = world.create("below", "120", if_already_true="fire")
    not_met = world.create("above", "130", if_already_true="fire")
    world.create("above", "100", if_already_true="reject")
    world.tick(1, "200", "held")
    assert world.fired() == []
    world.tick(2, "110")
    assert {alert for alert, _ in world.fired()} == {firing.id, firing_below.id}
    world.tick(3, "99")
    world.tick(4, "100")
    assert (waiting.id, 4) in world.fired()
    world.tick(5, "130")
    assert (not_met.id, 5) in world.fired()
    assert world.fired() == world.told()


def test_each_currency_is_a_series_of_its_own(world: World) -> None:
    dollars = world.create("above", "100", currency="USD")
    euros = world.create("above", "100", currency="EUR")
    world.deliver(make_tick(1, {"USD": Decimal(90), "EUR": Decimal(80)}))
    world.deliver(make_tick(2, {"USD": Decimal(110), "EUR": Decimal(99)}))
    assert world.fired() == [(dollars.id, 2)]
    # a tick without euros passes them by
    world.deliver(make_tick(3, {"USD": Decimal(111)}))
    world.deliver(make_tick(4, {"USD": Decimal(111), "EUR": Decimal(101)}))
    assert world.fired() == world.told() == [(dollars.id, 2), (euros.id, 4)]


def test_a_currency_that_appears_later_begins_where_the_others_are(world: World) -> None:
    for sequence in range(1, 4):
        world.tick(sequence, "90")
    world.sql("DELETE FROM ticks WHERE sequence < 3 RETURNING 1")
    alert = world.create("above", "100", currency="EUR")
    world.deliver(make_tick(4, {"EUR": Decimal(90), "GBP": Decimal(1)}))
    world.deliver(make_tick(5, {"EUR": Decimal(100), "GBP": Decimal(1)}))
    assert world.fired() == [(alert.id, 5)]
    assert world.series("price:GBP").applied_sequence == 5


def test_an_alert_that_expired_before_the_slot_does_not_fire(world: World) -> None:
    slot = NOON + timedelta(minutes=10)  # of tick 2
    expired = world.create(expires_at=slot.isoformat())
    living = world.create(expires_at=(slot + timedelta(seconds=1)).isoformat())
    world.tick(1, "90")
    world.clock.time = slot + timedelta(hours=1)  # a late message: the slot counts
    world.tick(2, "110")
    assert world.fired() == world.told() == [(living.id, 2)]
    assert world.get(expired).state == "expired"
    assert world.get(expired).triggered_at is None
    assert world.armed() == set()


def test_a_tick_with_another_one_s_sequence_is_refused(world: World) -> None:
    world.tick(1, "90")
    with pytest.raises(InvalidTickError, match="taken"):
        world.tick(1, "91")
    assert world.series().value == 90


def test_a_tick_whose_price_is_none_is_refused_and_not_stored(world: World) -> None:
    with pytest.raises(InvalidTickError):
        world.tick(1, "0")
    assert world.sql("SELECT 1 FROM ticks UNION ALL SELECT 1 FROM inbox") == []


def test_another_service_s_event_is_refused(world: World) -> None:
    event = UserEmailVerifiedV1(
        occurred_at=NOON,
        producer="auth_service",
        correlation_id="correlation",
        data=UserEmailVerifiedData(user_id=ADA, email="ada@example.com"),
    )
    with pytest.raises(InvalidTickError, match="user_email_verified"):
        apply_ticks.on_price_updated(
            world.unit_of_work, world.cache, world.clock, event, lambda: True
        )


def add_alerts(world: World, count: int, note: str | None = None) -> set[UUID]:
    """Arm alerts above 100, 100.01, 100.02 and so on, as the API would, only faster."""
    first = world.create(note=note)
    rows = world.sql(
        "INSERT INTO alerts (id, user_id, alert_type, threshold, currency, unit, karat, repeat, "
        "cooldown_minutes, hysteresis_percent, if_already_true, version, note, channels, state, "
        "created_at, updated_at) "
        "SELECT gen_random_uuid(), gen_random_uuid(), alert_type, 100 + n / 100.0, currency, unit, "
        "karat, repeat, cooldown_minutes, hysteresis_percent, if_already_true, version, note, "
        "channels, state, created_at, updated_at "
        "FROM alerts, generate_series(1, :count) n RETURNING id",
        count=count - 1,
    )
    world.sql(
        "INSERT INTO thresholds (alert_id, level_up, armed_after, series, kind) "
        "SELECT id, threshold, 0, 'price:USD', 'once' FROM alerts "
        "WHERE id <> :first RETURNING 1",
        first=first.id,
    )
    return {first.id, *(row.id for row in rows)}


def check_all_fired_once(world: World, expected: set[UUID], sequence: int = 2) -> None:
    """R6: the set of triggers, missing and unexpected ones alike, in history and events."""
    assert sorted(world.fired()) == sorted((alert, sequence) for alert in expected)
    assert sorted(world.told()) == sorted(world.fired())
    assert {row.state for row in world.sql("SELECT state FROM alerts")} <= {"triggered"}
    assert world.armed() == set()
    series = world.series()
    assert (series.value, series.applied_sequence) == (200, sequence)
    assert (series.pending_value, series.leased_by) == (None, None)


def test_many_alerts_of_one_tick_are_claimed_in_chunks_and_packed_into_few_messages(
    world: World,
) -> None:
    alerts = add_alerts(world, CHUNK_ROWS + 120)
    world.tick(1, "90")
    world.tick(2, "200")
    check_all_fired_once(world, alerts)
    assert [len(event.data.triggers) for event in world.published()] == [100] * 6 + [20]


def test_a_message_with_the_longest_notes_still_fits_into_sqs(world: World) -> None:
    alerts = add_alerts(world, 100, note="\x01" * 500)
    world.tick(1, "90")
    world.tick(2, "200")
    check_all_fired_once(world, alerts)
    sizes = [len(row.message.encode()) for row in world.sql("SELECT message FROM outbox")]
    assert len(sizes) == 2
    assert MAX_MESSAGE_BYTES * 0.9 < max(sizes) <= MAX_MESSAGE_BYTES - 1000


def test_twenty_racing_evaluators_of_one_tick_trigger_each_alert_once(world: World) -> None:
    """R6"""
    alerts = add_alerts(world, 2 * CHUNK_ROWS + 1)
    world.tick(1, "90")
    event = make_tick(2, {"USD": Decimal(200)})
    start = threading.Barrier(20)

    def evaluate(_: int) -> str:
        racer = another(world)
        start.wait()
        try:
            racer.deliver(event)
        except SeriesBusyError:
            return "busy"
        finally:
            racer.engine.dispose()
        return "done"

    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(evaluate, range(20)))
    assert "done" in outcomes
    check_all_fired_once(world, alerts)


def another(world: World) -> World:
    """Return the same service in another process, as far as the database can tell."""
    return World(create_engine(world.engine.url))


@pytest.mark.parametrize("finisher", ["its own message again", "the next tick", "the schedule"])
def test_a_worker_killed_anywhere_is_finished_by(
    world: World, monkeypatch: pytest.MonkeyPatch, finisher: str
) -> None:
    """R6, R8: none lost, none doubled, whichever statement or commit it dies before."""
    monkeypatch.setattr(apply_ticks, "CHUNK_ROWS", 2)
    expected: list[tuple[UUID, int]] = []
    sequence, step, survived = 1, 0, False
    while not survived:
        step += 1
        world.tick(sequence, "90")
        alerts = [world.create("above", threshold) for threshold in ("91", "100", "101")]
        event = make_tick(sequence + 1, {"USD": Decimal(101)})
        try:
            with killed_at(world, step):
                world.deliver(event)
            survived = True
        except Killed:
            world.end_leases()
        stored = world.sql("SELECT 1 FROM ticks WHERE sequence = :n", n=sequence + 1)
        if finisher == "the next tick" and stored:
            world.tick(sequence + 2, "80")
        else:
            if finisher == "the schedule" and stored:
                world.apply_due()
            else:
                world.deliver(event)
            assert world.armed() == set()
            world.tick(sequence + 2, "80")
        expected += [(alert.id, sequence + 1) for alert in alerts]
        assert sorted(world.fired()) == sorted(world.told()) == sorted(expected), f"at {step}"
        assert world.armed() == set()
        sequence += 3
    # to store, to look, to make pending, two chunks and the end
    assert step > 25


def test_a_living_worker_s_series_is_left_to_it_and_the_message_comes_back(world: World) -> None:
    alert = world.create()
    world.tick(1, "90")
    world.sql(
        "UPDATE series SET leased_by = :worker, leased_until = now() + interval '1 minute' "
        "RETURNING 1",
        worker=new_id(),
    )
    event = make_tick(2, {"USD": Decimal(110)})
    with pytest.raises(SeriesBusyError):
        world.deliver(event)
    assert world.fired() == []
    world.end_leases()
    world.deliver(event)
    assert world.fired() == world.told() == [(alert.id, 2)]


def test_a_worker_that_lost_its_lease_claims_nothing_more(world: World) -> None:
    """A worker that slept through its lease must not claim with its old bounds."""
    add_alerts(world, CHUNK_ROWS + 1)
    world.tick(1, "90")
    other = another(world)

    def sleep_after_the_first_chunk() -> bool:
        if len(other.fired()) == CHUNK_ROWS:
            other.sql("UPDATE series SET leased_by = :other RETURNING 1", other=new_id())
        return True

    with pytest.raises(SeriesBusyError):
        world.deliver(make_tick(2, {"USD": Decimal(200)}), has_time=sleep_after_the_first_chunk)
    other.engine.dispose()
    assert len(world.fired()) == CHUNK_ROWS
    assert len(world.armed()) == 1


def test_a_worker_out_of_time_stops_and_leaves_the_rest_to_the_retry(world: World) -> None:
    """R8"""
    alerts = add_alerts(world, 3 * CHUNK_ROWS)
    world.tick(1, "90")
    event = make_tick(2, {"USD": Decimal(200)})

    observer = another(world)
    with pytest.raises(OutOfTimeError):
        world.deliver(event, has_time=lambda: len(observer.fired()) < CHUNK_ROWS)
    observer.engine.dispose()
    assert len(world.fired()) == CHUNK_ROWS
    # the lease is given back: the retry need not wait for its end
    world.deliver(event)
    check_all_fired_once(world, alerts)
