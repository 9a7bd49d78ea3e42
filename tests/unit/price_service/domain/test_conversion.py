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
from price_service.domain.conversion import Measure, believed, oldest, prices_by_currency
from price_service.domain.model import Rate

TODAY = date(2026, 8, 18)


def rate(per_usd: str, currency: Currency = Currency.EUR, as_of: date = TODAY) -> Rate:
    return Rate(currency, Decimal(per_usd), "frankfurter", as_of)


def test_a_price_is_known_in_dollars_and_wherever_there_is_a_rate() -> None:
    prices = prices_by_currency(Decimal("4390.10"), [rate("0.85697")])

    assert prices == {Currency.USD: Decimal("4390.10"), Currency.EUR: Decimal("3762.183997")}


def said(*per_usd: str, currency: Currency = Currency.EUR) -> list[Rate]:
    """What sources say, the preferred one first."""
    return [
        Rate(currency, Decimal(value), f"source {number}", TODAY)
        for number, value in enumerate(per_usd)
    ]


def chosen(rates: list[Rate], known: Rate | None) -> str | None:
    rate = believed(rates, known, TODAY)
    return None if rate is None else str(rate.per_usd)


class TestBelieved:
    @pytest.mark.parametrize("per_usd", ["0.80", "0.824", "0.777"])
    def test_is_one_source_near_the_known_rate(self, per_usd) -> None:
        assert chosen(said(per_usd), rate("0.80")) == per_usd

    @pytest.mark.parametrize("per_usd", ["0.825", "0.776", "0.96", "1.25", "80"])
    def test_is_no_source_that_leaps_alone(self, per_usd) -> None:
        assert chosen(said(per_usd), rate("0.80")) is None

    @pytest.mark.parametrize("known", [None, "0.80"])
    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            (("0.96", "0.96"), "0.96"),
            (("0.96", "0.9695"), "0.96"),
            (("0.96", "0.9505"), "0.96"),
            (("0.96", "0.97"), None),
            (("0.96", "0.95"), None),
            (("1.25", "0.96", "0.965"), "0.96"),
        ],
    )
    def test_is_a_leap_that_a_second_source_says_too(self, values, expected, known) -> None:
        assert chosen(said(*values), rate(known) if known else None) == expected

    def test_is_no_leap_that_one_source_says_twice(self) -> None:
        assert chosen([rate("0.96"), rate("0.96")], rate("0.80")) is None

    def test_is_the_second_source_where_the_first_leaps(self) -> None:
        assert chosen(said("0.96", "0.81"), rate("0.80")) == "0.81"

    def test_is_the_first_source_where_both_may_be_right(self) -> None:
        assert chosen(said("0.81", "0.79"), rate("0.80")) == "0.81"

    @pytest.mark.parametrize(
        ("per_usd", "expected"),
        [("0.86", "0.86"), ("0.09", "0.09"), ("9", "9"), ("9.1", None), ("0.089", None)],
    )
    def test_is_the_only_one_while_none_is_known(self, per_usd, expected) -> None:
        assert chosen(said(per_usd), None) == expected

    @pytest.mark.parametrize("known", [None, "0.80"])
    @pytest.mark.parametrize("per_usd", ["0", "0E-12", "1000000000000000", "86"])
    def test_is_nothing_absurd_whoever_says_it(self, per_usd, known) -> None:
        """0 would break the table, and 1e15 the candles: no tick could be stored."""
        assert chosen(said(per_usd, per_usd), rate(known) if known else None) is None

    def test_is_nothing_where_nobody_says_anything(self) -> None:
        assert believed([], rate("0.80"), TODAY) is None

    @pytest.mark.parametrize("currency", Currency)
    def test_knows_what_is_usual_of_every_currency(self, currency) -> None:
        assert chosen(said("1E-9", currency=currency), None) is None

    @pytest.mark.parametrize(
        ("per_usd", "days", "expected"),
        [
            ("0.84", 29, None),
            ("0.84", 30, "0.84"),
            ("0.76", 30, "0.76"),
            ("0.75", 30, None),
            ("0.85", 59, None),
            ("0.84", -40, None),
        ],
    )
    def test_may_be_farther_the_older_the_known_rate_is(self, per_usd, days, expected) -> None:
        # whatever date the new one claims
        new = rate(per_usd, as_of=date(2099, 1, 1))

        assert chosen([new], rate("0.80", as_of=TODAY - timedelta(days=days))) == expected


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
