"""What alerts should do, said as plainly as it can be: every tick looks at every alert.

Fractions of what people entered, no levels, no rows, and no code of the alert service: slow, and
easy to believe. The engine is compared with it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fractions import Fraction
from math import ceil, floor
from uuid import UUID

PLACES = 12
GRAMS = {
    "troy_ounce": Fraction("31.1034768"),
    "gram": Fraction(1),
    "kilogram": Fraction(1000),
    "tola": Fraction("11.6638038"),
    "tael": Fraction("37.429"),
}
WINDOWS = {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7)}
MAY_TRIGGER = {"fresh", "reduced"}
ACTIVE = {"armed", "cooling", "snoozed"}
EXPIRY_GRACE = timedelta(minutes=15)
"""Late ticks of slots before its end still make an alert fire; after that it is over for good."""


def rounded(value: Fraction) -> Fraction:
    """Return a value as it is stored: to 12 places, half to even."""
    return round(value, PLACES)


def down(value: Fraction) -> Fraction:
    return Fraction(floor(value * 10**PLACES), 10**PLACES)


def up(value: Fraction) -> Fraction:
    return Fraction(ceil(value * 10**PLACES), 10**PLACES)


def percent_off(price: Fraction, reference: Fraction) -> Fraction:
    return rounded((price - reference) * 100 / reference)


@dataclass(frozen=True)
class ModelTick:
    sequence: int
    slot: datetime
    state: str
    prices: Mapping[str, Fraction]

    @property
    def may_trigger(self) -> bool:
        return self.state in MAY_TRIGGER


@dataclass(frozen=True)
class ModelRule:
    """A rule as it was entered. `threshold` is a percentage for `percent_change`."""

    alert_type: str
    threshold: Fraction | None = None
    upper: Fraction | None = None
    window: str | None = None
    trail_percent: Fraction | None = None
    period: int | None = None
    currency: str = "USD"
    unit: str = "troy_ounce"
    karat: int = 24
    repeat: str = "once"
    cooldown: timedelta = timedelta(0)
    hysteresis: Fraction = Fraction(1, 5)
    if_already_true: str = "wait"
    expires_at: datetime | None = None

    @classmethod
    def entered(cls, body: Mapping[str, object]) -> "ModelRule":
        """Return the rule of a request's body, without the fields that are no rule."""
        read: Mapping[str, Callable[[str], object]] = {
            "threshold": Fraction,
            "upper": Fraction,
            "trail_percent": Fraction,
            "hysteresis_percent": Fraction,
            "cooldown_minutes": lambda minutes: timedelta(minutes=int(minutes)),
            "expires_at": datetime.fromisoformat,
        }
        names = {"hysteresis_percent": "hysteresis", "cooldown_minutes": "cooldown"}
        return cls(
            **{  # type: ignore[arg-type]
                names.get(name, name): value
                if value is None or name not in read
                else read[name](str(value))
                for name, value in body.items()
                if name not in {"note", "channels"}
            }
        )

    def until(self, expires_at: datetime | None) -> "ModelRule":
        return replace(self, expires_at=expires_at)

    def is_over(self, at: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= at

    @property
    def is_moment(self) -> bool:
        return self.alert_type in {"crosses", "sma_cross"}

    def per_ounce(self, price: Fraction | None) -> Fraction:
        """Return what an ounce of fine gold costs when the rule's unit and karat cost `price`."""
        assert price is not None
        return price * GRAMS["troy_ounce"] / GRAMS[self.unit] * Fraction(24, self.karat)

    def in_unit(self, per_ounce: Fraction) -> Fraction:
        fine = GRAMS[self.unit] * Fraction(self.karat, 24)
        return rounded(per_ounce / GRAMS["troy_ounce"] * fine)

    @property
    def lowest(self) -> Fraction:
        """The lowest value at which a rise meets the condition: rounded toward firing."""
        match self.alert_type:
            case "sma_cross":
                return Fraction(0)
            case "trailing":
                assert self.trail_percent is not None
                return down(self.trail_percent)
            case "percent_change":
                assert self.threshold is not None
                return down(self.threshold)
            case "range_exit":
                return down(self.per_ounce(self.upper))
            case _:
                return down(self.per_ounce(self.threshold))

    @property
    def highest(self) -> Fraction:
        """The highest value at which a fall meets the condition: rounded toward firing."""
        match self.alert_type:
            case "sma_cross":
                return Fraction(0)
            case "percent_change":
                assert self.threshold is not None
                return up(self.threshold)
            case "range_enter":
                return up(self.per_ounce(self.upper))
            case _:
                return up(self.per_ounce(self.threshold))

    def is_true(self, value: Fraction) -> bool:
        match self.alert_type:
            case "above" | "crosses_up" | "trailing":
                return value >= self.lowest
            case "below" | "crosses_down":
                return value <= self.highest
            case "percent_change":
                assert self.threshold is not None
                return value >= self.lowest if self.threshold > 0 else value <= self.highest
            case "range_enter":
                return self.lowest <= value <= self.highest
            case "range_exit":
                return value >= self.lowest or value <= self.highest
        return False  # a moment is never true already

    def happens(self, before: Fraction, after: Fraction) -> bool:
        """Say whether the condition becomes true between two values."""
        if self.is_moment:
            return before < self.lowest <= after or before > self.highest >= after
        return self.is_true(after) and not self.is_true(before)

    def is_far(self, value: Fraction) -> bool:
        """Say whether a value is so far from the condition that it may happen anew."""
        match self.alert_type:
            case "above" | "crosses_up":
                return value <= self._off(self.lowest, -1)
            case "below" | "crosses_down":
                return value >= self._off(self.highest, 1)
            case "percent_change":
                assert self.threshold is not None
                if self.threshold > 0:
                    return value <= self._off(self.lowest, -1)
                return value >= self._off(self.highest, 1)
            case "trailing":
                return value <= max(Fraction(0), self._off(self.lowest, -1))
            case "range_exit":
                return self._off(self.highest, 1) <= value <= self._off(self.lowest, -1)
        return value <= self._off(self.lowest, -1) or value >= self._off(self.highest, 1)

    def _off(self, level: Fraction, sign: int) -> Fraction:
        if self.alert_type in {"percent_change", "trailing", "sma_cross"}:
            return rounded(level + sign * self.hysteresis)
        return rounded(level + sign * level * self.hysteresis / 100)


@dataclass
class ModelAlert:
    """An alert.

    Attributes:
        position: the last tick that it has seen, or was compared with.
        waits: for what, of a tick: `condition`, `first_price`, `rearm`.
        peak_since: the first tick whose price counts for `trailing`; None before that is known.
    """

    id: UUID
    rule: ModelRule
    position: int
    peak_since: int | None = None
    version: int = 1
    state: str = "armed"
    waits: str | None = None
    due_at: datetime | None = None

    def state_at(self, now: datetime) -> str:
        return "expired" if self.state in ACTIVE and self.rule.is_over(now) else self.state


@dataclass(frozen=True)
class ModelTrigger:
    alert_id: UUID
    sequence: int
    version: int
    price: Fraction


@dataclass
class AlertModel:
    """All alerts of one service, and the ticks that have reached it.

    Attributes:
        applied: the last tick that is due: all before it have come, or were given up.
        triggers: by alert and tick, since an alert fires once for a tick, whatever its owner does.
    """

    alerts: dict[UUID, ModelAlert] = field(default_factory=dict)
    applied: int = 0
    triggers: dict[tuple[UUID, int], ModelTrigger] = field(default_factory=dict)
    _stored: dict[int, ModelTick] = field(default_factory=dict)
    _moves: list[ModelTick] = field(default_factory=list)

    # --- ticks ---

    def store(self, tick: ModelTick) -> None:
        """Take in a tick, and all that are due with it; the alerts see them in `catch_up`.

        One that was given up says nothing any more when it comes after all.
        """
        if tick.sequence > self.applied:
            self._stored.setdefault(tick.sequence, tick)
        self._find_due()

    def give_up_missing(self) -> None:
        """Go on behind the missing ticks, whose time is over."""
        while waiting := [sequence for sequence in self._stored if sequence > self.applied]:
            self.applied = min(waiting) - 1
            self._find_due()

    @property
    def is_behind(self) -> bool:
        """Say whether a tick waits for a missing one."""
        return max(self._stored, default=0) > self.applied

    def _find_due(self) -> None:
        while tick := self._stored.get(self.applied + 1):
            self.applied = tick.sequence
            if tick.may_trigger:
                self._moves.append(tick)

    def catch_up(self) -> None:
        """Show every alert the ticks that it has not seen."""
        for alert in self.alerts.values():
            self.show(alert, self.applied)

    def show(self, alert: ModelAlert, last: int) -> None:
        """Show an alert the ticks up to `last`."""
        for sequence in range(alert.position + 1, last + 1):
            if tick := self._stored.get(sequence):
                self._look(alert, tick)
        alert.position = max(alert.position, last)

    def _look(self, alert: ModelAlert, tick: ModelTick) -> None:
        if alert.due_at is not None and alert.due_at <= tick.slot:
            self.rest(alert, tick.slot)
        before = self.value(alert, tick.sequence - 1)
        alert.position = tick.sequence
        after = self.value(alert, tick.sequence)
        is_move = self.last_move(alert.rule.currency, tick.sequence) == tick.sequence
        if alert.waits is None or after is None or not is_move or alert.rule.is_over(tick.slot):
            return
        if alert.waits == "rearm":
            self._rearm(alert, after)
        elif before is None:
            if alert.waits == "first_price" and alert.rule.is_true(after):
                self._fire(alert, after, tick.slot)
        elif alert.rule.happens(before, after):
            self._fire(alert, after, tick.slot)

    # --- what people do; each has seen to it that the alert has seen the ticks that it should ---

    def begin(self, alert: ModelAlert, now: datetime, *, may_reject: bool = False) -> bool:
        """Set an alert, or set it anew; say whether that is done, and not refused."""
        value, rule = self.value(alert, alert.position), alert.rule
        is_true = value is not None and rule.is_true(value)
        if is_true and rule.if_already_true == "reject" and may_reject:
            return False
        self.alerts[alert.id] = alert
        alert.state, alert.due_at, alert.waits = "armed", None, "condition"
        if value is None and rule.if_already_true == "fire":
            alert.waits = "first_price"
        elif value is not None and is_true and rule.if_already_true == "fire":
            if (alert.id, self.last_move(rule.currency, alert.position)) not in self.triggers:
                self._fire(alert, value, now)
        return True

    def edited(self, alert: ModelAlert, rule: ModelRule) -> ModelAlert:
        """Return an alert with another rule; its peak is None where it counts from now on."""
        was = alert.rule
        is_new_peak = (was.alert_type, was.currency) != (rule.alert_type, rule.currency)
        return replace(
            alert,
            rule=rule,
            version=alert.version + (rule != was),
            peak_since=None if is_new_peak else alert.peak_since,
        )

    def edit(self, alert: ModelAlert, edited: ModelAlert, now: datetime) -> bool:
        """Put an alert in the place of what it was, set anew where it has to be; say whether that
        is done, and not refused.
        """
        was, rule = alert.rule, edited.rule
        state = alert.state_at(now)
        is_anew = state not in {"paused", "snoozed"} and (
            rule.until(was.expires_at) != was or (state == "expired" and rule != was)
        )
        if is_anew:
            return self.begin(edited, now, may_reject=True)
        edited.position = alert.position
        self.alerts[alert.id] = edited
        return True

    def pause(self, alert: ModelAlert) -> None:
        alert.state, alert.waits, alert.due_at = "paused", None, None

    def snooze(self, alert: ModelAlert, until: datetime) -> None:
        alert.state, alert.waits, alert.due_at = "snoozed", None, until

    # --- time ---

    def rest(self, alert: ModelAlert, at: datetime) -> None:
        """End a snooze or a cooldown."""
        alert.due_at = None
        value = self.value(alert, alert.position)
        if alert.rule.is_over(at):
            alert.state, alert.waits = "expired", None
        elif alert.state == "cooling" and value is not None:
            self._rearm(alert, value)
        else:
            self.begin(alert, at)

    def expire(self, alert: ModelAlert, now: datetime) -> None:
        """Write off an alert whose end is so long ago that no tick of before it comes any more."""
        if alert.state in ACTIVE and alert.rule.is_over(now - EXPIRY_GRACE):
            alert.state, alert.waits, alert.due_at = "expired", None, None

    def waiting(self, now: datetime) -> set[UUID]:
        """Return the alerts that wait for a tick, without those whose end has come."""
        return {
            alert.id
            for alert in self.alerts.values()
            if alert.waits is not None and not alert.rule.is_over(now)
        }

    # --- what happens then ---

    def _fire(self, alert: ModelAlert, value: Fraction, at: datetime) -> None:
        rule, sequence = alert.rule, self.last_move(alert.rule.currency, alert.position)
        price = rule.in_unit(self._stored[sequence].prices[rule.currency])
        assert (alert.id, sequence) not in self.triggers
        self.triggers[alert.id, sequence] = ModelTrigger(alert.id, sequence, alert.version, price)
        alert.waits, alert.due_at = None, None
        if rule.repeat == "once":
            alert.state = "triggered"
        elif rule.cooldown:
            alert.state, alert.due_at = "cooling", at + rule.cooldown
        else:
            self._rearm(alert, value)

    def _rearm(self, alert: ModelAlert, value: Fraction) -> None:
        is_far = alert.rule.is_far(value)
        alert.state, alert.waits = ("armed", "condition") if is_far else ("cooling", "rearm")

    # --- what is watched ---

    def value(self, alert: ModelAlert, last: int) -> Fraction | None:
        """Return what the alert watches as of a tick; None before there is anything to see."""
        moves = self._moves_of(alert.rule.currency, last)
        return self._value_by(alert, moves) if moves else None

    def last_move(self, currency: str, last: int) -> int:
        """Return the last tick with a price in a currency; 0 before the first."""
        return max((tick.sequence for tick in self._moves_of(currency, last)), default=0)

    def _moves_of(self, currency: str, last: int) -> list[ModelTick]:
        return [tick for tick in self._moves if tick.sequence <= last and currency in tick.prices]

    def _value_by(self, alert: ModelAlert, moves: Sequence[ModelTick]) -> Fraction | None:
        """Return where the last of some ticks brings what the alert watches."""
        rule, slot = alert.rule, moves[-1].slot
        prices = [tick.prices[rule.currency] for tick in moves]
        match rule.alert_type:
            case "percent_change":
                begin = slot - WINDOWS[str(rule.window)]
                references = [
                    price for price, tick in zip(prices, moves, strict=True) if tick.slot <= begin
                ]
                return percent_off(prices[-1], references[-1]) if references else None
            case "sma_cross":
                assert rule.period is not None
                if len(prices) < rule.period:
                    return None
                return percent_off(prices[-1], sum(prices[-rule.period :]) / Fraction(rule.period))
            case "trailing":
                since = [
                    price
                    for price, tick in zip(prices, moves, strict=True)
                    if tick.sequence >= (alert.peak_since or 0)
                ]
                return -percent_off(prices[-1], max(since))
        return prices[-1]
