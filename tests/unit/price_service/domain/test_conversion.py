from datetime import date
from decimal import Decimal

import pytest

from goldalert.money import Currency
from price_service.domain.conversion import believable_rates, oldest, prices_by_currency
from price_service.domain.model import Rate


def rate(per_usd: str, currency: Currency = Currency.EUR, day: int = 18) -> Rate:
    return Rate(currency, Decimal(per_usd), "frankfurter", date(2026, 8, day))


def test_a_price_is_known_in_dollars_and_wherever_there_is_a_rate() -> None:
    prices = prices_by_currency(Decimal("4390.10"), [rate("0.85697")])

    assert prices == {Currency.USD: Decimal("4390.10"), Currency.EUR: Decimal("3762.183997")}


@pytest.mark.parametrize(
    ("per_usd", "is_believed"),
    [("0.96", True), ("0.64", True), ("0.97", False), ("0.63", False), ("85.7", False)],
)
def test_a_rate_that_leaps_is_not_believed(per_usd, is_believed) -> None:
    new = rate(per_usd)

    assert believable_rates([new], [rate("0.80")]) == ([new] if is_believed else [])


def test_the_first_rate_of_a_currency_is_believed() -> None:
    new = rate("148", Currency.JPY)

    assert believable_rates([new], [rate("0.80")]) == [new]


def test_rates_are_as_old_as_the_oldest_of_them() -> None:
    assert oldest([rate("0.86"), rate("148", Currency.JPY, day=14)]) == date(2026, 8, 14)
    assert oldest([]) is None
