"""From dollars per troy ounce to other currencies, weights and fineness."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Context, Decimal

from goldalert.money import Currency, to_minor_unit
from goldalert.units import GRAMS, PLACES, Karat, Unit
from price_service.domain.model import Rate

_BELIEVED_MOVE = Decimal("1.2")
_BELIEVED_WITHIN = timedelta(days=30)

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


def is_believable(rate: Rate, known: Rate, today: date) -> bool:
    """Say whether a new rate is near enough to the last known one of its currency.

    It may be a fifth above the known one, or as far below, and a fifth more for each whole 30 days
    that the known one is old. The numbers are our choice: wide enough for a currency that is losing
    its worth, and for a year too narrow for a misplaced decimal point, a factor of ten. Without the
    age, a currency that was away while it moved would be refused for good. It is counted to today,
    not to the date that the new rate claims.
    """
    months = max(0, (today - known.as_of) // _BELIEVED_WITHIN)
    bound = _BELIEVED_MOVE ** (1 + months)
    return known.per_usd / bound <= rate.per_usd <= known.per_usd * bound


def oldest(rates: Iterable[Rate]) -> date | None:
    """Return the date of the oldest rate, or None when there is none."""
    return min((rate.as_of for rate in rates), default=None)
