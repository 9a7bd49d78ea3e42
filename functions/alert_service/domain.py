"""Rules of alerts and ticks: which levels a move of the price crosses, and what follows from it.

Every condition is a level on a series, here the price of a troy ounce of fine gold in a currency.
A condition is met at equality. An alert triggers when its condition becomes true, that is when the
price comes from the other side and reaches the level.

Before the first price of a series nothing is known to be true. The first price therefore crosses
nothing: it only says on which side of each level the series stands. `if_already_true` is about the
price known when the alert is set; where there is none yet, `fire` is judged by the first price,
and `reject`, having nothing to refuse, is the same as `wait`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Literal
from uuid import UUID

from goldalert.events.alerts import Channel, Trigger
from goldalert.events.prices import MAY_TRIGGER, Tick
from goldalert.money import Currency
from goldalert.units import PLACES, Karat, Unit, price_in_unit, price_per_troy_ounce

AlertType = Literal["above", "below"]
IfAlreadyTrue = Literal["fire", "wait", "reject"]
State = Literal["armed", "triggered", "expired"]
Direction = Literal["up", "down"]
Kind = Literal["condition", "first_price"]
"""Why a level is armed. `first_price` is also claimed by the first price of its series."""

DIRECTIONS: Mapping[AlertType, Direction] = {"above": "up", "below": "down"}

TOO_HIGH = Decimal(10) ** 16
"""The lowest value that `numeric(28,12)` cannot hold."""

TRIGGERS_PER_MESSAGE = 100


def series_of(currency: str) -> str:
    return f"price:{currency}"


def level_of(alert_type: AlertType, threshold: Decimal, unit: Unit, karat: Karat) -> Decimal:
    """Return a threshold in the unit of the series, rounded toward firing."""
    rounding = ROUND_FLOOR if DIRECTIONS[alert_type] == "up" else ROUND_CEILING
    return price_per_troy_ounce(threshold, unit, karat, rounding=rounding)


@dataclass(frozen=True)
class Rule:
    """What an alert watches, as its owner entered it."""

    alert_type: AlertType
    threshold: Decimal
    currency: Currency
    unit: Unit
    karat: Karat
    if_already_true: IfAlreadyTrue
    expires_at: datetime | None

    @property
    def series(self) -> str:
        return series_of(self.currency)

    @property
    def direction(self) -> Direction:
        return DIRECTIONS[self.alert_type]

    @property
    def level(self) -> Decimal:
        return level_of(self.alert_type, self.threshold, self.unit, self.karat)

    def is_true_at(self, price: Decimal) -> bool:
        return price >= self.level if self.direction == "up" else price <= self.level


@dataclass(frozen=True)
class Alert:
    """One user's alert. `expired` is written only when a tick comes upon it; see `state_at`."""

    id: UUID
    user_id: UUID
    rule: Rule
    state: State
    note: str | None
    channels: Sequence[Channel]
    created_at: datetime
    updated_at: datetime
    triggered_at: datetime | None

    def state_at(self, now: datetime) -> State:
        expires_at = self.rule.expires_at
        if self.state == "armed" and expires_at is not None and expires_at <= now:
            return "expired"
        return self.state


@dataclass(frozen=True)
class StoredTick:
    """A tick with the value that it gives each series, and the correlation id of its event."""

    tick: Tick
    values: Mapping[str, Decimal]
    correlation_id: str

    @property
    def sequence(self) -> int:
        return self.tick.sequence

    def move_of(self, series: str) -> Decimal | None:
        """Return where the tick moves a series; None when it may not, or says nothing about it."""
        return self.values.get(series) if self.tick.state in MAY_TRIGGER else None


def values_of(prices: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Return the value of each series that a tick with these prices moves.

    Values are rounded once, here: a value that were rounded again when it is stored as the last
    price could step over a level without crossing it.

    Raises:
        ValueError: a price is not a positive number that can be stored.
    """
    values = {}
    for currency, price in prices.items():
        if not price.is_finite() or not 0 < price < TOO_HIGH:
            raise ValueError(f"{price} {currency} is no price")
        value = price.quantize(PLACES, rounding=ROUND_HALF_EVEN)
        if not 0 < value < TOO_HIGH:
            raise ValueError(f"{price} {currency} is no price")
        values[series_of(currency)] = value
    return values


@dataclass(frozen=True)
class HistoryEntry:
    """A trigger as it is kept, with the rule as it was then. `price` is in the rule's own unit."""

    id: UUID
    alert_id: UUID
    triggered_at: datetime
    alert_type: AlertType
    threshold: Decimal
    currency: Currency
    unit: Unit
    karat: Karat
    price: Decimal
    price_before: Decimal | None
    price_after: Decimal
    tick: Tick

    @property
    def level(self) -> Decimal:
        return level_of(self.alert_type, self.threshold, self.unit, self.karat)


@dataclass(frozen=True)
class Reading:
    """Where a series stands, and the tick that says so."""

    price: Decimal
    sequence: int


@dataclass(frozen=True)
class Series:
    """How far a series has been brought.

    Attributes:
        price: the last price that was allowed to trigger; None before the first.
        price_sequence: its tick.
        applied_sequence: the last tick that is done with, whether it moved the price or not.
        pending_price: the price of the next tick while its levels are being claimed.
    """

    name: str
    price: Decimal | None
    price_sequence: int | None
    applied_sequence: int
    pending_price: Decimal | None

    @property
    def next_sequence(self) -> int:
        return self.applied_sequence + 1

    @property
    def current(self) -> Reading | None:
        """What a new alert is compared with; None before the first price."""
        if self.pending_price is not None:
            return Reading(self.pending_price, self.next_sequence)
        if self.price is None or self.price_sequence is None:
            return None
        return Reading(self.price, self.price_sequence)

    @property
    def armed_after(self) -> int:
        """The last tick that must not claim a level armed now: the alert was compared with it."""
        return self.applied_sequence if self.pending_price is None else self.next_sequence

    def passed(self, sequence: int) -> "Series":
        """Return the series after ticks up to `sequence` that do not move it."""
        return replace(self, applied_sequence=sequence)

    def moving(self, price: Decimal) -> "Series":
        """Return the series while the levels that its next tick crosses are being claimed."""
        return replace(self, pending_price=price)

    def moved(self, price: Decimal) -> "Series":
        """Return the series after its next tick, all of whose levels are claimed."""
        return Series(self.name, price, self.next_sequence, self.next_sequence, None)


@dataclass(frozen=True)
class Crossing:
    """Levels that a move claims. The end that the move comes from is outside, the other inside:
    up `(low, high]`, down `[low, high)`.
    """

    direction: Direction
    low: Decimal
    high: Decimal
    kinds: Sequence[Kind] = ("condition", "first_price")


def crossings(before: Decimal | None, now: Decimal) -> list[Crossing]:
    """Return the ranges of levels that a move from `before` to `now` claims."""
    if before is None:
        return [
            Crossing("up", Decimal(0), now, ("first_price",)),
            Crossing("down", now, TOO_HIGH, ("first_price",)),
        ]
    if now > before:
        return [Crossing("up", before, now)]
    if now < before:
        return [Crossing("down", now, before)]
    return []


Decision = Literal["arm", "fire", "reject"]


def decide(rule: Rule, price: Decimal | None) -> Decision:
    """Say what becomes of a rule that is set while the series stands at `price`."""
    if price is None or not rule.is_true_at(price):
        return "arm"
    return "arm" if rule.if_already_true == "wait" else rule.if_already_true


def kind_of(rule: Rule, price: Decimal | None) -> Kind:
    """Say how a rule is armed while the series stands at `price`."""
    return "first_price" if price is None and rule.if_already_true == "fire" else "condition"


def make_trigger(alert: Alert, trigger_id: UUID, price: Decimal) -> Trigger:
    """Return what is told of an alert that fires at `price` per troy ounce of fine gold."""
    rule = alert.rule
    return Trigger(
        trigger_id=trigger_id,
        alert_id=alert.id,
        user_id=alert.user_id,
        alert_type=rule.alert_type,
        threshold=rule.threshold,
        price=price_in_unit(price, rule.unit, rule.karat),
        currency=rule.currency,
        unit=rule.unit,
        karat=rule.karat,
        note=alert.note,
        channels=list(alert.channels),
    )


def pack(triggers: Iterable[Trigger], max_bytes: int) -> Iterator[list[Trigger]]:
    """Cut triggers into messages of at most 100 triggers and `max_bytes` of their JSON."""
    message: list[Trigger] = []
    size = 0
    for trigger in triggers:
        trigger_size = len(trigger.model_dump_json(exclude_none=True).encode()) + len(",")
        if message and (len(message) == TRIGGERS_PER_MESSAGE or size + trigger_size > max_bytes):
            yield message
            message, size = [], 0
        message.append(trigger)
        size += trigger_size
    if message:
        yield message
