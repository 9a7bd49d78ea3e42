"""The engine against a plain loop over all alerts: the same triggers, always (R6, R7).

Random alerts are set, changed and deleted between bursts of random ticks, which come shuffled and
repeated, to workers that are killed on the way.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from alert_service.errors import AlreadyTrueError
from alert_service.schemas import AlertView
from alert_service.use_cases import apply_ticks, manage_alerts
from goldalert.db.engine import make_engine
from goldalert.events.prices import PriceUpdatedV1, TickState
from goldalert.secrets import DatabaseSecret

from .conftest import ADA, Killed, World, killed_at, make_tick

# few values, so that levels are met exactly and crossed often
PRICES = st.integers(95, 105).map(Decimal)
STATES: st.SearchStrategy[TickState] = st.sampled_from(["fresh", "fresh", "reduced", "held"])


@dataclass
class ModelAlert:
    alert_type: str
    threshold: Decimal
    fires_at_once: bool
    waits_for_first_price: bool = False

    def holds(self, price: Decimal) -> bool:
        if self.alert_type == "above":
            return price >= self.threshold
        return price <= self.threshold


class Model:
    """What should happen: each tick looks at every armed alert."""

    def __init__(self) -> None:
        self.price: Decimal | None = None
        self.price_sequence = 0
        self.armed: dict[UUID, ModelAlert] = {}
        self.fired: set[tuple[UUID, int]] = set()

    def set(self, alert_id: UUID, alert: ModelAlert) -> None:
        self.armed.pop(alert_id, None)
        key = (alert_id, self.price_sequence)
        if self.price is None:
            alert.waits_for_first_price = alert.fires_at_once
        elif alert.fires_at_once and alert.holds(self.price) and key not in self.fired:
            self.fired.add(key)
            return
        self.armed[alert_id] = alert

    def tick(self, sequence: int, price: Decimal, state: TickState) -> None:
        if state == "held":
            return
        for alert_id, alert in list(self.armed.items()):
            held_before = (
                not alert.waits_for_first_price if self.price is None else alert.holds(self.price)
            )
            if alert.holds(price) and not held_before:
                del self.armed[alert_id]
                self.fired.add((alert_id, sequence))
            alert.waits_for_first_price = False
        self.price, self.price_sequence = price, sequence


def test_the_engine_and_a_plain_loop_fire_the_same_alerts(
    database: Callable[[str], DatabaseSecret], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply_ticks, "CHUNK_ROWS", 2)
    engine = make_engine(database("alert_service"))
    world = World(engine)

    @settings(
        max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(st.data())
    def run(data: DataObject) -> None:
        for table in ("alerts", "ticks", "series", "outbox", "inbox"):
            world.sql(f"WITH gone AS (DELETE FROM {table}) SELECT 1")
        model, sequence = Model(), 1
        for _ in range(data.draw(st.integers(1, 4), label="rounds")):
            for _ in range(data.draw(st.integers(0, 4), label="changes")):
                change_something(data, world, model)
            ticks = data.draw(st.lists(st.tuples(PRICES, STATES), max_size=6), label="ticks")
            events = []
            for price, state in ticks:
                events.append(make_tick(sequence, {"USD": price}, state))
                model.tick(sequence, price, state)
                sequence += 1
            deliveries = data.draw(st.permutations(events * 2), label="deliveries")
            for event in deliveries:
                deliver(data, world, event)
            assert set(world.fired()) == set(world.told()) == model.fired
            assert len(world.fired()) == len(world.told()) == len(model.fired)
            assert world.armed() == set(model.armed)

    run()
    engine.dispose()


def change_something(data: DataObject, world: World, model: Model) -> None:
    rule = {
        "alert_type": data.draw(st.sampled_from(["above", "below"])),
        "threshold": str(data.draw(PRICES)),
        "if_already_true": data.draw(st.sampled_from(["fire", "wait", "reject"])),
    }
    expected = ModelAlert(
        rule["alert_type"], Decimal(rule["threshold"]), rule["if_already_true"] == "fire"
    )
    alert_ids = sorted({*model.armed, *(alert_id for alert_id, _ in model.fired)})
    alert_id = data.draw(st.sampled_from([None, *alert_ids]), label="which")
    known = AlertView.model_construct(id=alert_id)
    if alert_id is not None and data.draw(st.booleans(), label="delete"):
        if alert_id in model.armed and alert_id not in {fired for fired, _ in model.fired}:
            manage_alerts.delete_alert(world.unit_of_work, user_id=ADA, alert_id=alert_id)
            del model.armed[alert_id]
        return
    try:
        view = world.create(**rule) if alert_id is None else world.change(known, **rule)
    except AlreadyTrueError:
        assert rule["if_already_true"] == "reject"
        assert model.price is not None
        assert expected.holds(model.price)
    else:
        is_met = model.price is not None and expected.holds(model.price)
        assert not (is_met and rule["if_already_true"] == "reject")
        model.set(view.id, expected)


def deliver(data: DataObject, world: World, event: PriceUpdatedV1) -> None:
    """Deliver a tick to a worker that may die; then its message comes back."""
    step = data.draw(st.integers(0, 40), label="killed at")
    if step:
        try:
            with killed_at(world, step):
                world.deliver(event)
        except Killed:
            world.end_leases()
        else:
            return
    world.deliver(event)
