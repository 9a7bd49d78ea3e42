"""Money: the currencies, their decimal places, and decimals as they travel in JSON."""

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema


class Currency(StrEnum):
    """A currency that prices are offered in, by its ISO 4217 code."""

    USD = "USD"
    EUR = "EUR"
    GBP = "GBP"
    CHF = "CHF"
    JPY = "JPY"
    INR = "INR"
    TRY = "TRY"
    AED = "AED"
    CNY = "CNY"


MINOR_UNITS: Mapping[Currency, int] = MappingProxyType(
    {currency: 0 if currency is Currency.JPY else 2 for currency in Currency}
)
"""Decimal places of a currency (ISO 4217)."""

_MINOR_UNIT = {currency: Decimal(1).scaleb(-places) for currency, places in MINOR_UNITS.items()}

MAX_DIGITS: Final = 30


def to_minor_unit(amount: Decimal, currency: Currency) -> Decimal:
    """Round an amount to the decimal places of its currency, half to even, for people to read.

    Example:
        >>> to_minor_unit(Decimal("4389.379"), Currency.USD)
        Decimal('4389.38')
    """
    return amount.quantize(_MINOR_UNIT[currency], rounding=ROUND_HALF_EVEN)


_EXACT = Context(prec=3 * MAX_DIGITS, rounding=ROUND_HALF_EVEN)


def round_apart(one: Decimal, other: Decimal, currency: Currency) -> tuple[Decimal, Decimal]:
    """Round two amounts for people to read, to decimal places that show them as different.

    These are the currency's, or more when the amounts are closer to each other. Equal amounts
    stay equal.

    Example:
        >>> round_apart(Decimal("4399.9961"), Decimal("4400"), Currency.USD)
        (Decimal('4399.996'), Decimal('4400.000'))
    """
    return round_apart_to(one, other, MINOR_UNITS[currency])


def round_apart_to(one: Decimal, other: Decimal, places: int) -> tuple[Decimal, Decimal]:
    """Round two numbers as `round_apart` does, to at least so many decimal places.

    Example:
        >>> round_apart_to(Decimal("1.9961"), Decimal("2"), 2)
        (Decimal('1.996'), Decimal('2.000'))
    """
    while True:
        unit = Decimal(1).scaleb(-places)
        rounded = one.quantize(unit, context=_EXACT), other.quantize(unit, context=_EXACT)
        if rounded[0] != rounded[1] or one == other:
            return rounded
        places += 1


_DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_TOO_LONG = f"must have at most {MAX_DIGITS} digits"


def parse_decimal(value: object) -> Decimal:
    """Return `value` as a Decimal, if it is a decimal in plain notation.

    A float is refused: it has already lost what it was sent as.

    Args:
        value: a string such as `"4389.38"`, an int or a Decimal.

    Raises:
        ValueError: it is anything else, not finite, or has more than 30 digits.

    Example:
        >>> parse_decimal("4389.38")
        Decimal('4389.38')
    """
    if isinstance(value, str):
        if len(value) > MAX_DIGITS + len("-."):
            raise ValueError(_TOO_LONG)
        if not _DECIMAL.fullmatch(value):
            raise ValueError("must be a decimal number in plain notation, such as 4389.38")
    elif not isinstance(value, Decimal | int) or isinstance(value, bool):
        raise ValueError("must be a decimal in a string, such as '4389.38'")
    number = Decimal(value)
    if not number.is_finite():
        raise ValueError("must be finite")
    whole = max(number.adjusted() + 1, 1)
    places = max(-int(number.as_tuple().exponent), 0)
    if whole + places > MAX_DIGITS:
        raise ValueError(_TOO_LONG)
    return number


def format_decimal(value: Decimal) -> str:
    """Write a Decimal in plain notation, without zeros that only say how it was stored.

    Example:
        >>> format_decimal(Decimal("4389.380000000000"))
        '4389.38'
        >>> format_decimal(Decimal("1E+3"))
        '1000'
    """
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


DecimalString = Annotated[
    Decimal,
    BeforeValidator(parse_decimal),
    PlainSerializer(lambda value: f"{value:f}", return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^[+-]?[0-9]+(\.[0-9]+)?$", "maxLength": 32}),
]
"""A decimal that is a string in JSON. Reading takes a string or an int, never a float.

Example:
    >>> class Order(BaseModel):
    ...     weight: DecimalString
    >>> Order(weight="1.50").model_dump_json()
    '{"weight":"1.50"}'
"""

PositiveDecimalString = Annotated[DecimalString, Field(gt=0)]
"""A `DecimalString` above zero, such as a price or a weight."""

ComputedDecimalString = Annotated[
    Decimal, PlainSerializer(format_decimal, return_type=str, when_used="json")
]
"""A decimal that we computed or stored: a string in JSON, without zeros of its storage.

A `DecimalString` keeps every digit as its user entered it.
"""
