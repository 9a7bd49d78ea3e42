"""Series: what a tick says of the price of gold, and how far each has been brought by ticks.

The price of a troy ounce of fine gold in a currency is a series, and what follows from it is one:
its change over a window, its distance from a moving average, its fall from a peak. Only ticks that
may trigger move a series.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Literal, NamedTuple
from uuid import UUID

from goldalert.events.alerts import Direction
from goldalert.events.prices import MAY_TRIGGER, Tick
from goldalert.units import PLACES

Window = Literal["1h", "24h", "7d"]
Measure = Literal["price", "change", "sma", "trailing"]
Kind = Literal["once", "condition", "first_price", "rearm"]
"""Why levels are armed: to fire, once, whatever else is; to be judged; to be judged at the first
value of the series, too; to have the alert armed again."""

WINDOWS: Mapping[Window, timedelta] = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
}

INFINITY = Decimal("Infinity")

TOO_HIGH = Decimal(10) ** 16
"""The lowest value that `numeric(28,12)` cannot hold."""

_EXACT = Context(prec=80, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True)
class SeriesName:
    """A series by its currency and what it measures.

    Attributes:
        currency: ISO 4217 code.
        measure: the price itself; its `change` over a window, its distance from an `sma`, or its
            fall since a peak (`trailing`), all in percent.
        argument: the window (`24h`), the ticks in the average, or the tick from which the peak
            counts.

    Example:
        >>> str(SeriesName("EUR", "change", "24h"))
        'price:EUR:change:24h'
    """

    currency: str
    measure: Measure = "price"
    argument: str = ""

    def __str__(self) -> str:
        """Return the name; that of a price sorts before all that follow from it.

        Everyone locks series in the order of their names.
        """
        price = f"price:{self.currency}"
        return price if self.measure == "price" else f"{price}:{self.measure}:{self.argument}"

    @classmethod
    def parse(cls, name: str) -> "SeriesName":
        _, currency, *rest = name.split(":")
        return cls(currency, *rest)  # type: ignore[arg-type] # names are only made by __str__

    @property
    def price(self) -> "SeriesName":
        """The series of the price that this one follows from."""
        return SeriesName(self.currency)


@dataclass(frozen=True)
class StoredTick:
    """A tick with its price in each currency, and the correlation id of its event.

    `rates` are units of a currency for a dollar, as the price service converted with them.
    """

    tick: Tick
    prices: Mapping[str, Decimal]
    correlation_id: str
    rates: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def sequence(self) -> int:
        return self.tick.sequence

    @property
    def may_trigger(self) -> bool:
        return self.tick.state in MAY_TRIGGER


def checked_prices(prices: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Return prices per troy ounce by currency, to the places that they are kept to.

    They are rounded once, here: a value that were rounded again when it is stored as the last
    price could step over a level without crossing it.

    Raises:
        ValueError: a price is not a positive number that can be stored.
    """
    checked = {}
    for currency, price in prices.items():
        if not price.is_finite() or not 0 < price < TOO_HIGH:
            raise ValueError(f"{price} {currency} is no price")
        value = price.quantize(PLACES, context=_EXACT)
        if not 0 < value < TOO_HIGH:
            raise ValueError(f"{price} {currency} is no price")
        checked[currency] = value
    return checked


def percent_off(price: Decimal, reference: Decimal) -> Decimal:
    """Return how far a price is from another one, in percent of the other.

    Example:
        >>> percent_off(Decimal(102), Decimal(100))
        Decimal('2.000000000000')
    """
    return _percent(_EXACT.subtract(price, reference), reference)


def price_at(percent: Decimal, reference: Decimal) -> Decimal:
    """Return the price that is so many percent off another one.

    Example:
        >>> price_at(Decimal(2), Decimal(100))
        Decimal('102.000000000000')
    """
    off = _EXACT.divide(_EXACT.multiply(reference, percent), 100)
    return _EXACT.add(reference, off).quantize(PLACES, context=_EXACT)


def percent_off_average(price: Decimal, total: Decimal, count: int) -> Decimal:
    """Return how far a price is from the mean of `count` prices that add up to `total`, in percent.

    The mean itself is not rounded on the way. A price within half of the last place is on it.
    """
    return _percent(_EXACT.subtract(_EXACT.multiply(price, count), total), total)


def _percent(difference: Decimal, reference: Decimal) -> Decimal:
    quotient = _EXACT.divide(_EXACT.multiply(difference, 100), reference)
    # no level is up there, and a value that cannot be stored would stop its series for good
    return min(quotient.quantize(PLACES, context=_EXACT), TOO_HIGH - 1)


@dataclass(frozen=True)
class Reading:
    """Where a series stands, the tick that says so, and the price that it is measured against.

    Attributes:
        value: of the series.
        sequence: the tick.
        reference: the price at the begin of the window, the mean, or the peak; None for a price.
        reference_sequence: the tick of that price; None for a price and a mean.
    """

    value: Decimal
    sequence: int
    reference: Decimal | None = None
    reference_sequence: int | None = None


@dataclass(frozen=True)
class Past:
    """What earlier ticks say that a tick is measured against.

    Attributes:
        references: by currency and window, the last price of a tick that may trigger at or before
            the window's begin, and that tick's sequence first.
        totals: by currency and number of ticks, the sum of so many last prices, the tick's own
            included; only where there are so many.
    """

    references: Mapping[tuple[str, str], tuple[int, Decimal]] = field(default_factory=dict)
    totals: Mapping[tuple[str, int], Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class Series:
    """How far a series has been brought.

    Attributes:
        name: the series.
        reading: where it stands, by the last tick that was allowed to trigger and says something
            about it; None before the first.
        applied_sequence: the last tick that is done with, whether it moved the series or not.
        pending: where the next tick brings it, while the levels on the way are being claimed.
    """

    name: SeriesName
    reading: Reading | None
    applied_sequence: int
    pending: Reading | None = None

    @property
    def next_sequence(self) -> int:
        return self.applied_sequence + 1

    @property
    def value(self) -> Decimal | None:
        """Where the series stands; None before its first value."""
        return None if self.reading is None else self.reading.value

    @property
    def current(self) -> Reading | None:
        """What a new alert is compared with; None before the first value."""
        return self.pending or self.reading

    @property
    def current_value(self) -> Decimal | None:
        """The value that a new alert is compared with; None before the first one."""
        return None if self.current is None else self.current.value

    @property
    def armed_after(self) -> int:
        """The last tick that must not claim a level armed now: the alert was compared with it."""
        return self.applied_sequence if self.pending is None else self.next_sequence

    def read(self, tick: StoredTick, past: Past) -> Reading | None:
        """Return where its next tick brings the series; None when it may not, or says nothing."""
        price = tick.prices.get(self.name.currency)
        if price is None or not tick.may_trigger:
            return None
        return read(self.name, price, tick.sequence, past, peak=self.reading)

    def passed(self, sequence: int) -> "Series":
        """Return the series after ticks up to `sequence` that do not move it."""
        return replace(self, applied_sequence=sequence)

    def moving(self, to: Reading) -> "Series":
        """Return the series while the levels that its next tick crosses are being claimed."""
        return replace(self, pending=to)

    def moved(self, to: Reading) -> "Series":
        """Return the series after its next tick, all of whose levels are claimed."""
        return Series(self.name, to, self.next_sequence)


def read(
    name: SeriesName, price: Decimal, sequence: int, past: Past, *, peak: Reading | None
) -> Reading | None:
    """Return where a price brings a series; None while there is too little before it.

    Args:
        name: the series.
        price: in its currency, per troy ounce of fine gold.
        sequence: of the tick with this price.
        past: what the tick is measured against.
        peak: the last reading of a `trailing` series, None before its first tick.
    """
    match name.measure:
        case "price":
            return Reading(price, sequence)
        case "change":
            begin = past.references.get((name.currency, name.argument))
            if begin is None:
                return None
            reference_sequence, reference = begin
            return Reading(percent_off(price, reference), sequence, reference, reference_sequence)
        case "sma":
            count = int(name.argument)
            total = past.totals.get((name.currency, count))
            if total is None:
                return None
            mean = _EXACT.divide(total, count).quantize(PLACES, context=_EXACT)
            return Reading(percent_off_average(price, total, count), sequence, mean)
        case "trailing":
            if peak is None or peak.reference is None or price > peak.reference:
                return Reading(Decimal(0), sequence, price, sequence)
            fall = -percent_off(price, peak.reference)
            return Reading(fall, sequence, peak.reference, peak.reference_sequence)


@dataclass(frozen=True)
class Crossing:
    """Levels that a move claims. The end that the move comes from is outside, the other inside:
    up `(low, high]`, down `[low, high)`.
    """

    direction: Direction
    low: Decimal
    high: Decimal
    kinds: Sequence[Kind] = ("once", "condition", "first_price", "rearm")

    def beginning_at(self, level: Decimal) -> "Crossing":
        """Return the rest of the move from a level on, which it includes."""
        if self.direction == "up":
            return replace(self, low=level - PLACES)
        return replace(self, high=level + PLACES)


class Place(NamedTuple):
    """Where some series are that stored ticks are still to be applied to.

    Attributes:
        applied_sequence: the last tick that they are done with.
        is_free: the worker that asks may go on from there; no other has these series.
        tick: the next one; None if it is missing.
        is_due: the snooze or cooldown of an alert is over by the slot of that tick.
    """

    applied_sequence: int
    is_free: bool
    tick: StoredTick | None
    is_due: bool


class Fired(NamedTuple):
    """Alerts that fired by themselves when their levels were crossed.

    Attributes:
        owners: of each alert.
        triggers: what is told of each, as the JSON of a `goldalert.events.alerts.Trigger`.
        last: the last level that was crossed; None where none was.
    """

    owners: list[UUID]
    triggers: list[str]
    last: Decimal | None


def crossings(before: Decimal | None, after: Decimal) -> list[Crossing]:
    """Return the ranges of levels that a move claims.

    Before the first value of a series nothing is known to be true. The first one therefore crosses
    nothing: it says on which side of each level the series stands, and claims only the levels that
    wait for that.
    """
    if before is None:
        return [
            Crossing("up", -INFINITY, after, ("first_price",)),
            Crossing("down", after, INFINITY, ("first_price",)),
        ]
    if after > before:
        return [Crossing("up", before, after)]
    if after < before:
        return [Crossing("down", after, before)]
    return []
