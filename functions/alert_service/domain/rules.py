"""Conditions: on which series each stands, at which values it holds, and when it becomes true.

A condition is met at equality. It fires when it becomes true, by a move of its series from a value
at which it is not. `crosses` and `sma_cross` are moments, not states: they are never true already.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import cached_property
from typing import Literal

from alert_service.domain.series import TOO_HIGH, Measure, SeriesName, Window
from goldalert.errors import InvalidFieldError
from goldalert.money import Currency
from goldalert.units import PLACES, Karat, Unit, price_per_troy_ounce

AlertType = Literal[
    "above",
    "below",
    "crosses_up",
    "crosses_down",
    "crosses",
    "percent_change",
    "range_enter",
    "range_exit",
    "trailing",
    "sma_cross",
]
Repeat = Literal["once", "every"]
IfAlreadyTrue = Literal["fire", "wait", "reject"]

MIN_PERCENT = Decimal("0.01")
MAX_PERCENT_CHANGE = Decimal(1000)
MIN_PERIOD, MAX_PERIOD = 2, 500
"""Of a moving average, in ticks: 500 are almost two days of an open market."""

FIELDS: Mapping[AlertType, frozenset[str]] = {
    "above": frozenset({"threshold"}),
    "below": frozenset({"threshold"}),
    "crosses_up": frozenset({"threshold"}),
    "crosses_down": frozenset({"threshold"}),
    "crosses": frozenset({"threshold"}),
    "percent_change": frozenset({"threshold", "window"}),
    "range_enter": frozenset({"threshold", "upper"}),
    "range_exit": frozenset({"threshold", "upper"}),
    "trailing": frozenset({"trail_percent"}),
    "sma_cross": frozenset({"period"}),
}
"""What each condition is made of, besides the currency, unit and karat."""

CONDITION_FIELDS = ("threshold", "upper", "window", "trail_percent", "period")

_MOMENTS: frozenset[AlertType] = frozenset({"crosses", "sma_cross"})
WAITING: frozenset[AlertType] = _MOMENTS | {"crosses_up", "crosses_down"}
"""Conditions that are about coming from the other side, so that nothing is true already."""


@dataclass(frozen=True)
class Zone:
    """A part of a series' values: from `up` on upwards, from `down` on downwards, or between them.

    Attributes:
        up: the level at which a rising series comes in; None where it cannot.
        down: the level at which a falling series comes in; None where it cannot.
        is_between: the zone reaches from `up` to `down`, which are its lower and upper end.
    """

    up: Decimal | None = None
    down: Decimal | None = None
    is_between: bool = False

    def holds(self, value: Decimal) -> bool:
        """Say whether a value lies in the zone, whose ends belong to it."""
        over = self.up is not None and value >= self.up
        under = self.down is not None and value <= self.down
        return over and under if self.is_between else over or under

    def is_crossed(self, before: Decimal, after: Decimal) -> bool:
        """Say whether a move reaches a level from the other side."""
        rises = self.up is not None and before < self.up <= after
        falls = self.down is not None and before > self.down >= after
        return rises or falls


@dataclass(frozen=True)
class Rule:
    """What an alert watches, as its owner entered it.

    `threshold` and `upper` are prices in `currency` per `unit` of gold of `karat`; for
    `percent_change`, `threshold` is a signed percent. `trail_percent` is in percent below the peak,
    `period` in ticks. `hysteresis_percent` is relative to a price, and in percentage points where
    the series itself is a percentage.
    """

    alert_type: AlertType
    threshold: Decimal | None
    upper: Decimal | None
    window: Window | None
    trail_percent: Decimal | None
    period: int | None
    currency: Currency
    unit: Unit
    karat: Karat
    repeat: Repeat
    cooldown_minutes: int
    hysteresis_percent: Decimal
    if_already_true: IfAlreadyTrue
    expires_at: datetime | None

    @property
    def measure(self) -> Measure:
        match self.alert_type:
            case "percent_change":
                return "change"
            case "trailing":
                return "trailing"
            case "sma_cross":
                return "sma"
            case _:
                return "price"

    def series(self, peak_since: int | None) -> SeriesName:
        """Return the series that the condition stands on.

        Args:
            peak_since: for `trailing`, the tick from which on the peak counts.
        """
        match self.measure:
            case "change":
                return SeriesName(self.currency, "change", str(self.window))
            case "trailing":
                return SeriesName(self.currency, "trailing", str(peak_since))
            case "sma":
                return SeriesName(self.currency, "sma", str(self.period))
            case "price":
                return SeriesName(self.currency)

    @cached_property
    def zone(self) -> Zone:
        """Where the condition holds; its levels are rounded toward firing."""
        match self.alert_type:
            case "above" | "crosses_up":
                return Zone(up=self._level(self.threshold, ROUND_FLOOR))
            case "below" | "crosses_down":
                return Zone(down=self._level(self.threshold, ROUND_CEILING))
            case "crosses":
                return Zone(
                    up=self._level(self.threshold, ROUND_FLOOR),
                    down=self._level(self.threshold, ROUND_CEILING),
                )
            case "range_enter":
                return Zone(
                    up=self._level(self.threshold, ROUND_FLOOR),
                    down=self._level(self.upper, ROUND_CEILING),
                    is_between=True,
                )
            case "range_exit":
                return Zone(
                    up=self._level(self.upper, ROUND_FLOOR),
                    down=self._level(self.threshold, ROUND_CEILING),
                )
            case "percent_change":
                percent = given(self.threshold)
                if percent > 0:
                    return Zone(up=percent.quantize(PLACES, rounding=ROUND_FLOOR))
                return Zone(down=percent.quantize(PLACES, rounding=ROUND_CEILING))
            case "trailing":
                return Zone(up=given(self.trail_percent).quantize(PLACES, rounding=ROUND_FLOOR))
            case "sma_cross":
                return Zone(up=Decimal(0), down=Decimal(0))

    @cached_property
    def rearm_zone(self) -> Zone:
        """Where the series has to come to, after a trigger, before the next one can be."""
        zone = self.zone
        if self.alert_type == "trailing":
            # a new peak is the farthest from a fall that there is
            return Zone(down=max(Decimal(0), self._off(zone.up, -1)))
        if self.alert_type == "range_exit":
            return Zone(up=self._off(zone.down, 1), down=self._off(zone.up, -1), is_between=True)
        return Zone(
            up=None if zone.down is None else self._off(zone.down, 1),
            down=None if zone.up is None else self._off(zone.up, -1),
        )

    @property
    def fires_when_reached(self) -> bool:
        """Whether to reach its level is all there is to it: one level of a price, one trigger."""
        zone = self.zone
        is_single = zone.up is None or zone.down is None
        return self.repeat == "once" and is_single and self.measure == "price"

    def holds(self, value: Decimal) -> bool:
        """Say whether the condition is true while its series stands at `value`."""
        return self.alert_type not in _MOMENTS and self.zone.holds(value)

    def becomes_true(self, before: Decimal, after: Decimal) -> bool:
        """Say whether a move of its series makes the condition true."""
        if self.alert_type in _MOMENTS:
            return self.zone.is_crossed(before, after)
        return not self.zone.holds(before) and self.zone.holds(after)

    def is_over(self, at: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= at

    @property
    def percent(self) -> Decimal | None:
        """The percentage that a condition made of one waits for."""
        return self.threshold if self.alert_type == "percent_change" else self.trail_percent

    @property
    def cooldown(self) -> timedelta:
        return timedelta(minutes=self.cooldown_minutes)

    def check(self, now: datetime) -> None:
        """Refuse a rule that makes no sense, or is over.

        Raises:
            InvalidFieldError: naming the field.
        """
        self._check_condition()
        self.check_expiry(now)

    def check_expiry(self, now: datetime) -> None:
        """Refuse an expiry that is not in the future.

        Raises:
            InvalidFieldError: naming the field.
        """
        if self.is_over(now):
            raise InvalidFieldError("expires_at", "The expiry must lie in the future.")

    def _check_condition(self) -> None:
        needed = FIELDS[self.alert_type]
        for name in CONDITION_FIELDS:
            is_given = getattr(self, name) is not None
            if is_given and name not in needed:
                raise InvalidFieldError(name, f"This does not apply to {self.alert_type}.")
            if not is_given and name in needed:
                raise InvalidFieldError(name, f"This is needed for {self.alert_type}.")
        if self.if_already_true != "wait" and self.alert_type in WAITING:
            raise InvalidFieldError(
                "if_already_true", f"{self.alert_type} cannot hold already: this must be wait."
            )
        match self.alert_type:
            case "percent_change":
                _check_percent_change(given(self.threshold))
            case "trailing":
                if not MIN_PERCENT <= given(self.trail_percent) < 100:
                    raise InvalidFieldError(
                        "trail_percent", f"This must be from {MIN_PERCENT} to below 100."
                    )
            case "sma_cross":
                if not MIN_PERIOD <= (self.period or 0) <= MAX_PERIOD:
                    raise InvalidFieldError(
                        "period", f"This must be from {MIN_PERIOD} to {MAX_PERIOD} ticks."
                    )
            case _:
                self._check_prices()

    def _check_prices(self) -> None:
        for name in sorted(FIELDS[self.alert_type]):
            price = given(getattr(self, name))
            if price <= 0:
                raise InvalidFieldError(name, "This must be above zero.")
            level = self._level(price, ROUND_FLOOR)
            if not (0 < level and self._level(price, ROUND_CEILING) * 2 < TOO_HIGH):
                raise InvalidFieldError(name, "No price of gold is so high or so low.")
        if self.upper is not None:
            if given(self.threshold) >= self.upper:
                raise InvalidFieldError("upper", "This must be above the threshold.")
            zone, rearm = self.zone, self.rearm_zone
            if not zone.is_between and given(zone.down) >= given(zone.up):
                raise InvalidFieldError("upper", "This is too close to the threshold.")
            if rearm.is_between and given(rearm.up) > given(rearm.down):
                raise InvalidFieldError(
                    "hysteresis_percent", "The range is too narrow for this hysteresis."
                )

    def _level(self, price: Decimal | None, rounding: str) -> Decimal:
        return price_per_troy_ounce(given(price), self.unit, self.karat, rounding=rounding)

    def _off(self, level: Decimal | None, direction: Literal[1, -1]) -> Decimal:
        """Return a level moved by the hysteresis."""
        level = given(level)
        is_price = self.measure == "price"
        step = level * self.hysteresis_percent / 100 if is_price else self.hysteresis_percent
        return (level + direction * step).quantize(PLACES)


def _check_percent_change(percent: Decimal) -> None:
    if not (MIN_PERCENT <= percent <= MAX_PERCENT_CHANGE or -100 < percent <= -MIN_PERCENT):
        raise InvalidFieldError(
            "threshold",
            f"This must be a percentage: {MIN_PERCENT} to {MAX_PERCENT_CHANGE} for a rise, "
            f"-{MIN_PERCENT} to above -100 for a fall.",
        )


RULE_FIELDS = tuple(field.name for field in fields(Rule))
"""The names of a rule's fields, which requests, answers and columns have, too."""


def given[Value](value: Value | None) -> Value:
    """Return what must be there: a field of a checked rule, the tick that a series is pending on.

    Raises:
        ValueError: it is not.
    """
    if value is None:
        raise ValueError("a value that must be there is missing")
    return value
