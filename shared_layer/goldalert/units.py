"""Units of weight and fineness: what a price per troy ounce is in each of them."""

from collections.abc import Mapping
from decimal import ROUND_05UP, ROUND_HALF_EVEN, Context, Decimal
from enum import IntEnum, StrEnum
from types import MappingProxyType


class Unit(StrEnum):
    """A weight that gold is priced in."""

    TROY_OUNCE = "troy_ounce"
    GRAM = "gram"
    KILOGRAM = "kilogram"
    TOLA = "tola"
    TAEL = "tael"


class Karat(IntEnum):
    """Parts of pure gold in 24."""

    K24 = 24
    K22 = 22
    K21 = 21
    K18 = 18
    K14 = 14
    K10 = 10


GRAMS: Mapping[Unit, Decimal] = MappingProxyType(
    {
        Unit.TROY_OUNCE: Decimal("31.1034768"),
        Unit.GRAM: Decimal(1),
        Unit.KILOGRAM: Decimal(1000),
        Unit.TOLA: Decimal("11.6638038"),
        Unit.TAEL: Decimal("37.429"),
    }
)
"""Grams in one unit."""

_PURE_GRAMS = {(unit, karat): GRAMS[unit] * karat for unit in Unit for karat in Karat}
_PURE_OUNCE = _PURE_GRAMS[Unit.TROY_OUNCE, Karat.K24]
"""24 times the grams of pure gold: multiplied once, since a chart shows thousands of prices."""

PLACES = Decimal("1e-12")
"""Prices are kept to 12 decimal places, as the databases' `numeric(28,12)` does."""

# ROUND_05UP leaves a last digit that no later rounding can mistake for a tie or an exact value:
# the quotient may be rounded again, in any direction, as if it had been exact.
_EXACT = Context(prec=80, rounding=ROUND_05UP)


def price_in_unit(
    per_troy_ounce: Decimal,
    unit: Unit,
    karat: Karat = Karat.K24,
    *,
    rounding: str = ROUND_HALF_EVEN,
) -> Decimal:
    """Return the price of one `unit` of gold of `karat`.

    Args:
        per_troy_ounce: price of one troy ounce of pure gold, in any currency.
        unit: the weight that is asked for.
        karat: its fineness; pure gold by default.
        rounding: a rounding mode of `decimal`, applied once, to 12 decimal places.

    Example:
        >>> price_in_unit(Decimal("4389.38"), Unit.GRAM, Karat.K18)
        Decimal('105.841382980053')
    """
    pure = _PURE_GRAMS[unit, karat]
    return _rounded_quotient(_EXACT.multiply(per_troy_ounce, pure), _PURE_OUNCE, rounding)


def price_per_troy_ounce(
    price: Decimal,
    unit: Unit,
    karat: Karat = Karat.K24,
    *,
    rounding: str = ROUND_HALF_EVEN,
) -> Decimal:
    """Return the price of one troy ounce of pure gold at which `unit` of `karat` costs `price`.

    Args:
        price: price of one `unit` of gold of `karat`, in any currency.
        unit: the weight that `price` is for.
        karat: its fineness; pure gold by default.
        rounding: a rounding mode of `decimal`, applied once, to 12 decimal places. A threshold
            is rounded toward firing: down when it waits for a rise, up when for a fall.

    Example:
        >>> price_per_troy_ounce(Decimal(100), Unit.GRAM, Karat.K22)
        Decimal('3393.106560000000')
    """
    pure = _PURE_GRAMS[unit, karat]
    return _rounded_quotient(_EXACT.multiply(price, _PURE_OUNCE), pure, rounding)


def _rounded_quotient(value: Decimal, divisor: Decimal, rounding: str) -> Decimal:
    return _EXACT.divide(value, divisor).quantize(PLACES, rounding=rounding, context=_EXACT)
