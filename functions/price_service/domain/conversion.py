"""From dollars to the other currencies."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from goldalert.money import Currency
from goldalert.units import PLACES
from price_service.domain.model import Rate

BELIEVED_MOVE = Decimal("0.2")
"""No currency of ours has moved by a fifth between two working days of the last decades."""


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
