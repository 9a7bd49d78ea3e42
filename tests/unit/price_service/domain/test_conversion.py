from datetime import date, timedelta
from decimal import Decimal

import pytest

from goldalert.money import Currency
from price_service.domain.conversion import is_believable, oldest, prices_by_currency
from price_service.domain.model import Rate

TODAY = date(2026, 8, 18)


def rate(per_usd: str, currency: Currency = Currency.EUR, as_of: date = TODAY) -> Rate:
    return Rate(currency, Decimal(per_usd), "frankfurter", as_of)


def test_a_price_is_known_in_dollars_and_wherever_there_is_a_rate() -> None:
    prices = prices_by_currency(Decimal("4390.10"), [rate("0.85697")])

    assert prices == {Currency.USD: Decimal("4390.10"), Currency.EUR: Decimal("3762.183997")}


@pytest.mark.parametrize(
    ("per_usd", "is_believed"),
    [("0.96", True), ("0.67", True), ("0.97", False), ("0.66", False), ("85.7", False)],
)
def test_a_rate_that_leaps_is_not_believed(per_usd, is_believed) -> None:
    assert is_believable(rate(per_usd), rate("0.80"), TODAY) is is_believed


@pytest.mark.parametrize(
    ("per_usd", "days", "is_believed"),
    [
        ("0.98", 29, False),
        ("0.98", 30, True),
        ("1.15", 59, True),
        ("0.56", 59, True),
        ("1.16", 59, False),
        ("0.55", 59, False),
        ("0.98", 300, True),
        ("80", 365, False),
        ("0.98", -40, False),
    ],
)
def test_the_older_the_known_rate_the_farther_a_new_one_may_be(per_usd, days, is_believed) -> None:
    # whatever date the new one claims
    new = rate(per_usd, as_of=date(2099, 1, 1))
    known = rate("0.80", as_of=TODAY - timedelta(days=days))

    assert is_believable(new, known, TODAY) is is_believed


def test_rates_are_as_old_as_the_oldest_of_them() -> None:
    assert oldest([rate("0.86"), rate("148", Currency.JPY, as_of=date(2026, 8, 14))]) == date(
        2026, 8, 14
    )
    assert oldest([]) is None
