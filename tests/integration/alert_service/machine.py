"""Does the same to the alert service and to a plain model of it, and compares them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar, cast
from uuid import UUID, uuid4

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
)

from alert_service.errors import AlreadyTrueError
from alert_service.schemas import AlertView
from goldalert.events.prices import PriceUpdatedV1, TickState
from tests.support.alert_model import (
    ACTIVE,
    GRAMS,
    AlertModel,
    ModelAlert,
    ModelRule,
    ModelTick,
    down,
    percent_off,
    up,
)

from .conftest import NOON, Killed, World, killed_at, make_tick

Body = dict[str, object]

# few values, so that levels are met exactly, and crossed often
PRICES = st.integers(96, 104)
CURRENCIES = ("USD", "EUR")
WAITING = ("crosses_up", "crosses_down", "crosses", "sma_cross")
TICK_STATES: st.SearchStrategy[TickState] = st.sampled_from(
    ["fresh", "fresh", "fresh", "reduced", "held", "closed"]
)
STEPS = st.sampled_from([5, 5, 5, 10, 60, 24 * 60, 7 * 24 * 60]).map(
    lambda minutes: timedelta(minutes=minutes)
)
MINUTES = st.sampled_from([1, 5, 14, 16, 60, 24 * 60])
KILLS = st.one_of(st.just(0), st.integers(1, 50))
"""The statement before which a worker is killed; 0 for none."""


def written(value: Fraction) -> str:
    """Return a number of at most 12 places as people write it."""
    return f"{Decimal(value.numerator) / Decimal(value.denominator):f}"


@st.composite
def bodies(draw: st.DrawFn) -> Body:
    """Draw what people enter for an alert, but its expiry."""
    kind = draw(
        st.sampled_from(
            [
                *("above", "below", "crosses", "range_enter", "range_exit", "percent_change"),
                *("trailing", "sma_cross", "crosses_up", "crosses_down"),
            ]
        )
    )
    body: Body = {
        "alert_type": kind,
        "currency": draw(st.sampled_from([*CURRENCIES, "USD"])),
        "unit": draw(st.sampled_from([*["troy_ounce"] * 5, *GRAMS])),
        "karat": draw(st.sampled_from([24, 24, 24, 22, 18, 10])),
        "repeat": draw(st.sampled_from(["once", "every", "every"])),
        "cooldown_minutes": draw(st.sampled_from([0, 0, 5, 7, 60])),
        "hysteresis_percent": draw(st.sampled_from(["0", "0.5", "1"])),
        "if_already_true": "wait",
    }
    if kind not in WAITING:
        body["if_already_true"] = draw(st.sampled_from(["fire", "wait", "reject"]))
    fine = GRAMS[str(body["unit"])] / GRAMS["troy_ounce"] * Fraction(cast(int, body["karat"]), 24)
    to_places = draw(st.sampled_from([down, up, round_to_places]))
    # what an exact move comes to, so that it is met exactly
    percent = abs(percent_off(Fraction(draw(PRICES)), Fraction(draw(PRICES)))) or Fraction(1)
    match kind:
        case "percent_change":
            body["threshold"] = written(percent * draw(st.sampled_from([1, -1])))
            body["window"] = draw(st.sampled_from(["1h", "24h", "7d"]))
        case "trailing":
            body["trail_percent"] = written(percent)
        case "sma_cross":
            body["period"] = draw(st.integers(2, 4))
        case _:
            price = draw(PRICES)
            body["threshold"] = written(to_places(price * fine))
            if kind in {"range_enter", "range_exit"}:
                body["upper"] = written(to_places((price + draw(st.sampled_from([3, 6]))) * fine))
    return body


def round_to_places(value: Fraction) -> Fraction:
    return round(value, 12)


@dataclass(frozen=True)
class Drawn:
    """A tick before its time and sequence are known."""

    prices: Mapping[str, int]
    state: TickState
    step: timedelta


ticks = st.builds(
    Drawn,
    st.fixed_dictionaries({"USD": PRICES}, optional={"EUR": PRICES}),
    TICK_STATES,
    STEPS,
)


class AlertMachine(RuleBasedStateMachine):
    """Random alerts of every condition are set, changed, paused, snoozed and deleted between random
    ticks, which come shuffled, repeated and late, to workers that are killed on the way.
    """

    world: ClassVar[World]

    @initialize(drawn=st.lists(bodies(), max_size=6))
    def begin(self, drawn: Sequence[Body] = ()) -> None:
        for table in ("alerts", "ticks", "series", "outbox", "inbox", "skipped_ticks"):
            self.world.sql(f"WITH gone AS (DELETE FROM {table}) SELECT 1")
        self.world.clock.time = NOON
        self.model = AlertModel()
        self.sequence = 0
        self.slot = NOON
        self.withheld: list[PriceUpdatedV1] = []
        self.interrupted: list[PriceUpdatedV1] = []
        self.is_settled = True
        self.bodies: dict[UUID, Body] = {}
        for body in drawn:
            self.create(body, None)

    @property
    def now(self) -> datetime:
        return self.world.clock.time

    # --- what people do ---

    @rule(body=bodies(), lasts=st.none() | MINUTES)
    def create(self, body: Body, lasts: int | None) -> None:
        entered = body
        body = self.with_expiry(body, lasts)
        alert = ModelAlert(uuid4(), ModelRule.entered(body), 0)
        try:
            alert.id = self.world.create(**{"threshold": None, **body}).id
        except AlreadyTrueError:
            self.place(alert)
            assert not self.model.begin(alert, self.now, may_reject=True)
            return
        self.bodies[alert.id] = entered
        self.place(alert)
        assert self.model.begin(alert, self.now, may_reject=True)

    @rule(data=st.data(), body=bodies(), is_whole=st.booleans(), lasts=st.none() | MINUTES)
    def edit(self, data: st.DataObject, body: Body, is_whole: bool, lasts: int | None) -> None:
        """Another rule, or the same condition with other wishes."""
        if (alert := self.choose(data)) is None:
            return
        if not is_whole:
            wishes = {name: body[name] for name in ("repeat", "cooldown_minutes")}
            if alert.rule.alert_type not in WAITING:
                wishes["if_already_true"] = data.draw(st.sampled_from(["fire", "wait", "reject"]))
            body = {**self.bodies[alert.id], **wishes}
        entered = body
        body = self.with_expiry(body, lasts)
        self.see(alert)
        edited = self.model.edited(alert, ModelRule.entered(body))
        try:
            self.world.change(view(alert), **for_edit(body))
        except AlreadyTrueError:
            self.place(edited)
            assert not self.model.edit(alert, edited, self.now)
            return
        self.bodies[alert.id] = entered
        self.place(edited)
        assert self.model.edit(alert, edited, self.now)

    @rule(data=st.data(), lasts=st.none() | MINUTES)
    def edit_expiry(self, data: st.DataObject, lasts: int | None) -> None:
        if (alert := self.choose(data)) is None:
            return
        expires_at = None if lasts is None else self.now + timedelta(minutes=lasts)
        self.see(alert)
        edited = self.model.edited(alert, alert.rule.until(expires_at))
        try:
            self.world.change(view(alert), expires_at=expires_at and expires_at.isoformat())
        except AlreadyTrueError:
            self.place(edited)
            assert not self.model.edit(alert, edited, self.now)
            return
        self.place(edited)
        assert self.model.edit(alert, edited, self.now)

    @rule(data=st.data())
    def annotate(self, data: st.DataObject) -> None:
        if (alert := self.choose(data)) is not None:
            self.world.change(view(alert), note="x", channels=["in_app"])

    @rule(data=st.data())
    def pause(self, data: st.DataObject) -> None:
        if (alert := self.choose(data, *ACTIVE)) is not None:
            self.see(alert)
            self.world.pause(view(alert))
            self.model.pause(alert)

    @rule(data=st.data())
    def resume(self, data: st.DataObject) -> None:
        alert = self.choose(data, "paused", "snoozed")
        if alert is not None and not alert.rule.is_over(self.now):
            self.see(alert)
            self.world.resume(view(alert))
            self.place(alert)
            assert self.model.begin(alert, self.now)

    @rule(data=st.data(), minutes=MINUTES)
    def snooze(self, data: st.DataObject, minutes: int) -> None:
        if (alert := self.choose(data, *ACTIVE)) is not None:
            self.see(alert)
            until = self.now + timedelta(minutes=minutes)
            self.world.snooze(view(alert), until)
            self.model.snooze(alert, until)

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        if (alert := self.choose(data)) is not None:
            self.see(alert)
            self.world.delete(view(alert))
            del self.model.alerts[alert.id]

    # --- ticks ---

    @rule(data=st.data(), drawn=st.lists(ticks, min_size=1, max_size=5))
    def deliver(self, data: st.DataObject, drawn: list[Drawn]) -> None:
        """R7: ticks come shuffled and tripled, to workers each of which may die."""
        events = [self.make(one) for one in drawn]
        for event in data.draw(st.permutations(events * 3), label="deliveries"):
            if self.may_die(lambda event=event: self.world.deliver(event), data.draw(KILLS)):
                self.world.end_leases()
                self.world.deliver(event)
        for event in events:
            self.model.store(model_tick(event))
        self.settle()

    @rule(drawn=ticks, step=st.integers(1, 50))
    def die(self, drawn: Drawn, step: int) -> None:
        """A worker dies in a tick, which nobody finishes for now."""
        event = self.make(drawn)
        self.may_die(lambda: self.world.deliver(event), step)
        self.world.end_leases()
        self.model.store(model_tick(event))
        self.interrupted.append(event)
        self.is_settled = False

    @precondition(lambda self: not self.is_settled)
    @rule()
    def recover(self) -> None:
        self.settle()

    @rule(drawn=ticks)
    def withhold(self, drawn: Drawn) -> None:
        """A tick is late."""
        self.withheld.append(self.make(drawn))

    @precondition(lambda self: self.withheld)
    @rule(data=st.data())
    def deliver_late(self, data: st.DataObject) -> None:
        self.settle()
        event = data.draw(st.sampled_from(self.withheld))
        self.withheld.remove(event)
        self.world.deliver(event)
        self.model.store(model_tick(event))
        self.settle()

    @precondition(lambda self: self.withheld)
    @rule()
    def give_up(self) -> None:
        """The ticks behind missing ones have waited long enough."""
        self.settle()
        self.world.sql("UPDATE ticks SET stored_at = now() - interval '15 minutes' RETURNING 1")
        self.world.apply_due()
        self.model.give_up_missing()
        self.settle()

    # --- time ---

    @rule(minutes=MINUTES)
    def pass_time(self, minutes: int) -> None:
        self.world.clock.time += timedelta(minutes=minutes)

    @rule(step=KILLS)
    def run_schedules(self, step: int) -> None:
        self.settle()
        if self.may_die(self.world.rearm, step):
            self.world.end_leases()
            self.world.rearm()
        self.world.apply_due()
        for alert in self.model.alerts.values():
            is_due = alert.due_at is not None and alert.due_at <= self.now
            if is_due and not self.model.is_behind:
                self.model.rest(alert, self.now)
            self.model.expire(alert, self.now)
        self.compare()

    # --- how ---

    def choose(self, data: st.DataObject, *states: str) -> ModelAlert | None:
        """Draw an alert in one of these states, or in any."""
        alerts = [
            alert
            for alert in self.model.alerts.values()
            if not states or alert.state_at(self.now) in states
        ]
        if states and not self.is_settled:
            # what the killed tick has made of an alert is known when it is finished
            self.settle()
            return self.choose(data, *states)
        return data.draw(st.sampled_from(alerts), label="alert") if alerts else None

    def with_expiry(self, body: Body, lasts: int | None) -> Body:
        if lasts is None:
            return body
        return {**body, "expires_at": (self.now + timedelta(minutes=lasts)).isoformat()}

    def make(self, drawn: Drawn) -> PriceUpdatedV1:
        self.sequence += 1
        self.slot += drawn.step
        self.world.clock.time = max(self.now, self.slot)
        prices = {currency: Decimal(price) for currency, price in drawn.prices.items()}
        event = make_tick(self.sequence, prices, drawn.state)
        tick = event.data.tick.model_copy(update={"slot": self.slot})
        return event.model_copy(update={"data": event.data.model_copy(update={"tick": tick})})

    def may_die(self, work: Callable[[], None], step: int) -> bool:
        """Work, and say whether it was killed before the given statement."""
        if not step:
            work()
            return False
        try:
            with killed_at(self.world, step):
                work()
        except Killed:
            return True
        return False

    def settle(self) -> None:
        """Let the engine finish what it was killed in, and compare it with the model."""
        for event in self.interrupted:
            self.world.deliver(event)
        self.interrupted.clear()
        self.is_settled = True
        self.model.catch_up()
        self.compare()

    def place(self, alert: ModelAlert) -> None:
        """Note the tick that an alert which is set now is compared with."""
        price = f"price:{alert.rule.currency}"
        if alert.peak_since is None:
            at = self.model.applied if self.is_settled else self.applied(price)
            alert.peak_since = self.model.last_move(alert.rule.currency, at)
        alert.position = (
            self.model.applied if self.is_settled else self.applied(series_of(alert), price)
        )

    def see(self, alert: ModelAlert) -> None:
        """Show an alert the ticks that it has seen, when a killed worker has left some."""
        if self.is_settled:
            return
        levels = self.world.sql(
            "SELECT t.series, t.armed_after, s.applied_sequence, s.pending_value IS NOT NULL "
            "AS is_pending FROM thresholds t JOIN series s ON s.name = t.series "
            "WHERE t.alert_id = :id",
            id=alert.id,
        )
        for row in levels:
            if row.is_pending and row.armed_after <= row.applied_sequence:
                # not claimed yet, and never to be, since it is compared with that tick now
                self.model.show(alert, row.applied_sequence)
                return
        series = levels[0].series if levels else series_of(alert)
        self.model.show(alert, self.applied(series, f"price:{alert.rule.currency}"))

    def applied(self, *names: str) -> int:
        """Return the tick that the first known of some series is at, or on its way to."""
        rows = self.world.sql(
            "SELECT applied_sequence + (pending_value IS NOT NULL)::integer AS sequence "
            "FROM series WHERE name = ANY(CAST(:names AS text[])) ORDER BY name DESC",
            names=list(names),
        )
        return rows[0].sequence if rows else 0

    def compare(self) -> None:
        """R6: the sets of triggers in the history, in the events, and in the model; what is armed,
        and the state of each alert.
        """
        model, world = self.model, self.world
        expected = sorted(
            (one.sequence, one.alert_id, one.version, one.price) for one in model.triggers.values()
        )
        told = sorted(
            (event.data.tick.sequence, one.alert_id, one.version, Fraction(one.price))
            for event in world.published()
            for one in event.data.triggers
        )
        assert told == expected
        kept = sorted(
            (row.sequence, row.alert_id, row.version)
            for row in world.sql(
                "SELECT t.sequence, h.alert_id, h.version "
                "FROM alert_history h JOIN ticks t USING (tick_id)"
            )
        )
        assert kept == [one[:3] for one in expected if one[1] in model.alerts]
        rows = world.sql(
            "SELECT a.id, a.version, a.due_at, CASE WHEN a.active AND a.expires_at <= :now "
            "THEN 'expired' ELSE a.state END AS state, t.kind FROM alerts a "
            "LEFT JOIN thresholds t ON t.alert_id = a.id ORDER BY a.id",
            now=self.now,
        )
        assert {row.id: state_of(row.state, row.kind, row.due_at, row.version) for row in rows} == {
            alert.id: state_of(alert.state_at(self.now), alert.waits, alert.due_at, alert.version)
            for alert in model.alerts.values()
        }


def state_of(state: str, waits: str | None, due_at: datetime | None, version: int) -> object:
    """Return what matters of an alert: an expired one waits for nothing, whatever is left of it."""
    if state == "expired":
        waits, due_at = None, None
    return state, "condition" if waits in {"first_price", "once"} else waits, due_at, version


def view(alert: ModelAlert) -> AlertView:
    return AlertView.model_construct(id=alert.id)


def series_of(alert: ModelAlert) -> str:
    rule = alert.rule
    match rule.alert_type:
        case "percent_change":
            return f"price:{rule.currency}:change:{rule.window}"
        case "sma_cross":
            return f"price:{rule.currency}:sma:{rule.period}"
        case "trailing":
            return f"price:{rule.currency}:trailing:{alert.peak_since}"
    return f"price:{rule.currency}"


def model_tick(event: PriceUpdatedV1) -> ModelTick:
    tick = event.data.tick
    prices = {currency: Fraction(price) for currency, price in event.data.prices.items()}
    return ModelTick(tick.sequence, tick.slot, tick.state, prices)


def for_edit(body: Body) -> Body:
    """Return a body that leaves nothing of what was before."""
    names = ("threshold", "upper", "window", "trail_percent", "period", "expires_at")
    return {**dict.fromkeys(names), **body}
