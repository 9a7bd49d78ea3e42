from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goldalert.units import GRAMS, PLACES, Karat, Unit, price_in_unit, price_per_troy_ounce

prices = st.decimals(min_value="0.01", max_value="1e12", places=6)
units = st.sampled_from(Unit)
karats = st.sampled_from(Karat)


def exact_price_in_unit(per_troy_ounce: Decimal, unit: Unit, karat: Karat) -> Fraction:
    weight = Fraction(GRAMS[unit]) / Fraction(GRAMS[Unit.TROY_OUNCE])
    return Fraction(per_troy_ounce) * weight * karat / 24


@pytest.mark.parametrize(
    ("unit", "karat", "expected"),
    [
        (Unit.TROY_OUNCE, Karat.K24, "4389.380000000000"),
        # the grams of goldapi.io's answer to 4389.38: shapes of a provider that computes them too
        (Unit.GRAM, Karat.K24, "141.1218"),
        (Unit.GRAM, Karat.K22, "129.3617"),
        (Unit.GRAM, Karat.K21, "123.4816"),
        (Unit.GRAM, Karat.K18, "105.8414"),
        (Unit.GRAM, Karat.K14, "82.3211"),
        (Unit.GRAM, Karat.K10, "58.8008"),
    ],
)
def test_a_price_agrees_with_what_a_provider_publishes(unit, karat, expected):
    price = price_in_unit(Decimal("4389.38"), unit, karat)

    assert abs(price - Decimal(expected)) < Decimal("0.0001")


@pytest.mark.parametrize(
    ("unit", "grams"),
    [
        (Unit.TROY_OUNCE, "31.1034768"),
        (Unit.GRAM, "1"),
        (Unit.KILOGRAM, "1000"),
        (Unit.TOLA, "11.6638038"),
        (Unit.TAEL, "37.429"),
    ],
)
def test_units_weigh_what_they_are_defined_to(unit, grams):
    assert GRAMS[unit] == Decimal(grams)


@given(prices, units, karats)
def test_a_price_in_a_unit_is_the_exact_fraction_rounded_once(price, unit, karat):
    exact = exact_price_in_unit(price, unit, karat)

    rounded = price_in_unit(price, unit, karat)

    assert abs(Fraction(rounded) - exact) <= Fraction(PLACES) / 2
    assert rounded == rounded.quantize(PLACES)
    floor = Fraction(price_in_unit(price, unit, karat, rounding=ROUND_FLOOR))
    ceiling = Fraction(price_in_unit(price, unit, karat, rounding=ROUND_CEILING))
    assert floor <= exact <= ceiling
    assert ceiling - floor == (0 if exact == floor else Fraction(PLACES))


@given(prices, units, karats)
def test_a_threshold_is_the_exact_fraction_rounded_the_way_that_is_asked(price, unit, karat):
    exact = Fraction(price) / exact_price_in_unit(Decimal(1), unit, karat)

    nearest = Fraction(price_per_troy_ounce(price, unit, karat, rounding=ROUND_HALF_EVEN))
    floor = Fraction(price_per_troy_ounce(price, unit, karat, rounding=ROUND_FLOOR))
    ceiling = Fraction(price_per_troy_ounce(price, unit, karat, rounding=ROUND_CEILING))

    assert abs(nearest - exact) <= Fraction(PLACES) / 2
    assert floor <= exact <= ceiling
    assert ceiling - floor == (0 if exact == floor else Fraction(PLACES))


def test_a_tie_is_rounded_once_and_not_twice():
    # 5e-13 is exactly between two of the 12 places: to even, so zero; above it, up
    assert price_in_unit(Decimal("5e-13"), Unit.TROY_OUNCE) == 0
    just_above = Decimal("5." + "0" * 60 + "1e-13")
    assert price_in_unit(just_above, Unit.TROY_OUNCE) == PLACES
