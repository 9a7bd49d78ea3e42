"""From dollars per troy ounce to other currencies, weights and fineness."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Context, Decimal

from goldalert.money import Currency, to_minor_unit
from goldalert.units import GRAMS, PLACES, Karat, Unit
from price_service.domain.model import Rate

_SAME = Decimal("1.01")
"""Two sources that say the same may be a working day apart."""

_LEAP = Decimal("1.03")
_LEAP_WITHIN = timedelta(days=30)

_MAGNITUDE = Decimal(10)
_USUAL = {
    Currency.USD: Decimal(1),
    Currency.EUR: Decimal("0.9"),
    Currency.GBP: Decimal("0.8"),
    Currency.CHF: Decimal("0.8"),
    Currency.JPY: Decimal(150),
    Currency.INR: Decimal(90),
    Currency.TRY: Decimal(40),
    Currency.AED: Decimal("3.7"),
    Currency.CNY: Decimal(7),
}
"""Roughly what a dollar is worth: enough to tell a rate from what is none."""

_EXACT = Context(prec=80)
"""Holds the product of any two `numeric(28,12)`, so that it is rounded once."""

_ROUNDED = Context(prec=60)

_PURE_OUNCES = {
    (unit, karat): _EXACT.divide(GRAMS[unit] * karat, GRAMS[Unit.TROY_OUNCE] * Karat.K24)
    for unit in Unit
    for karat in Karat
}
"""Troy ounces of pure gold in one unit of a karat, to 80 digits."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What a price is asked for in."""

    currency: Currency
    unit: Unit
    karat: Karat

    @property
    def key(self) -> str:
        """Return a short name, for keys."""
        return f"{self.currency}:{self.unit}:{self.karat}"

    def show(self, per_troy_ounce: Decimal) -> Decimal:
        """Return a price per troy ounce of pure gold, in the same currency, for people to read."""
        # with fewer digits than the factor has: what is exactly between two prices stays there
        amount = _ROUNDED.multiply(per_troy_ounce, _PURE_OUNCES[self.unit, self.karat])
        return to_minor_unit(amount, self.currency)


def prices_by_currency(usd: Decimal, rates: Iterable[Rate]) -> dict[Currency, Decimal]:
    """Return a price in every currency that there is a rate of."""
    return {Currency.USD: usd, **{rate.currency: at_rate(usd, rate) for rate in rates}}


def at_rate(usd: Decimal, rate: Rate) -> Decimal:
    """Return an amount of dollars in another currency, to the places that prices are kept to."""
    return _EXACT.multiply(usd, rate.per_usd).quantize(PLACES, context=_EXACT)


def believed(said: Sequence[Rate], known: Rate | None, today: date) -> Rate | None:
    """Return the rate to go by of those that sources say of one currency, the preferred one first.

    It is the first that a second source says, too; else one that has not leapt from the known one;
    else, while none is known, the only one. Not even two sources make a rate that is an order of
    magnitude from the usual one. The numbers are our choice: a day seldom moves a currency by 3 %,
    and without more of it for each whole 30 days that the known rate is old, one that was away
    while it moved would be refused for good. It is counted to today, not to a date that is claimed.
    """
    usual = [rate for rate in said if _are_near(rate.per_usd, _USUAL[rate.currency], _MAGNITUDE)]
    for rate in usual:
        others = (other for other in usual if other.source != rate.source)
        if any(_are_near(rate.per_usd, other.per_usd, _SAME) for other in others):
            return rate
    if known is None:
        return usual[0] if len(usual) == 1 else None
    months = max(0, (today - known.as_of) // _LEAP_WITHIN)
    bound = _LEAP ** (1 + months)
    return next((rate for rate in usual if _are_near(rate.per_usd, known.per_usd, bound)), None)


def _are_near(one: Decimal, other: Decimal, ratio: Decimal) -> bool:
    return other / ratio <= one <= other * ratio


def oldest(rates: Iterable[Rate]) -> date | None:
    """Return the date of the oldest rate, or None when there is none."""
    return min((rate.as_of for rate in rates), default=None)
