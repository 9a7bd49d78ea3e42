"""Conversions against exact fractions, and which exchange rates are believed."""

import itertools
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from goldalert.money import MINOR_UNITS, Currency
from goldalert.units import Karat, Unit
from price_service.domain.conversion import Measure, is_believable, oldest, prices_by_currency
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


GRAMS = {
    Unit.TROY_OUNCE: Fraction("31.1034768"),
    Unit.GRAM: Fraction(1),
    Unit.KILOGRAM: Fraction(1000),
    Unit.TOLA: Fraction("11.6638038"),
    Unit.TAEL: Fraction("37.429"),
}
MEASURES = [Measure(*made) for made in itertools.product(Currency, Unit, Karat)]
STORED = st.decimals(Decimal("0.000001"), Decimal(100_000), places=12)


def rounded(exact: Fraction, places: int) -> Fraction:
    """Round half to even; `round` of a fraction does just that."""
    return round(exact * 10**places) / Fraction(10**places)


@pytest.mark.parametrize("currency", [currency for currency in Currency if currency != "USD"])
@given(usd=STORED, per_usd=STORED)
# a tie but for the last of 33 digits
@example(usd=Decimal("4419.269212589083"), per_usd=Decimal("146000.510053385747"))
def test_a_price_in_another_currency_is_the_exact_product_rounded_once(
    currency, usd, per_usd
) -> None:
    converted = prices_by_currency(usd, [rate(f"{per_usd:f}", currency)])[currency]

    assert Fraction(converted) == rounded(Fraction(usd) * Fraction(per_usd), 12)


@settings(max_examples=30, deadline=None)  # of 270 conversions each, on a busy machine
@given(price=STORED)
# a tie in grams of 18 karat, and in ounces of 22, but for what is behind the twelfth place
@example(price=Decimal("4390.359428576001"))
@example(price=Decimal("4390.030909090909"))
# a tie in ounces of 22 karat, of which there is no exact decimal
@example(price=Decimal("0.18"))
def test_what_is_shown_is_the_exact_fraction_rounded_once_in_every_measure(price) -> None:
    for measure in MEASURES:
        exact = (
            Fraction(price)
            * GRAMS[measure.unit]
            / GRAMS[Unit.TROY_OUNCE]
            * Fraction(measure.karat, 24)
        )
        places = MINOR_UNITS[measure.currency]

        assert Fraction(measure.show(price)) == rounded(exact, places), measure
