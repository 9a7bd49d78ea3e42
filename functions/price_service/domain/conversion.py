"""From dollars per troy ounce to other currencies, weights and fineness."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from goldalert.money import Currency, to_minor_unit
from goldalert.units import PLACES, Karat, Unit, price_in_unit
from price_service.domain.model import Rate

BELIEVED_MOVE = Decimal("0.2")
"""No currency of ours has moved by a fifth between two working days of the last decades."""


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
        return to_minor_unit(price_in_unit(per_troy_ounce, self.unit, self.karat), self.currency)


def prices_by_currency(usd: Decimal, rates: Iterable[Rate]) -> dict[Currency, Decimal]:
    """Return a price in every currency that there is a rate of."""
    converted = {rate.currency: (usd * rate.per_usd).quantize(PLACES) for rate in rates}
    return {Currency.USD: usd, **converted}


def believable_rates(new: Iterable[Rate], known: Iterable[Rate]) -> list[Rate]:
    """Return the new rates that are near the last known ones, or the first of their currency."""
    last = {rate.currency: rate.per_usd for rate in known}
    return [
        rate
        for rate in new
        if abs(rate.per_usd - last.get(rate.currency, rate.per_usd))
        <= BELIEVED_MOVE * last.get(rate.currency, rate.per_usd)
    ]


def oldest(rates: Iterable[Rate]) -> date | None:
    """Return the date of the oldest rate, or None when there is none."""
    return min((rate.as_of for rate in rates), default=None)
