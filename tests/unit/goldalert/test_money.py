from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from goldalert.money import (
    MINOR_UNITS,
    ComputedDecimalString,
    Currency,
    DecimalString,
    PositiveDecimalString,
    format_decimal,
    round_apart,
    to_minor_unit,
)

decimal_string = TypeAdapter(DecimalString)


class Order(BaseModel):
    price: PositiveDecimalString


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("4389.379", Currency.USD, "4389.38"),
        ("4389.385", Currency.USD, "4389.38"),
        ("4389.395", Currency.EUR, "4389.40"),
        ("648210.5", Currency.JPY, "648210"),
        ("4389", Currency.AED, "4389.00"),
    ],
)
def test_an_amount_for_people_has_the_decimal_places_of_its_currency(amount, currency, expected):
    assert str(to_minor_unit(Decimal(amount), currency)) == expected


@pytest.mark.parametrize(
    ("one", "other", "currency", "expected"),
    [
        ("4412.104", "4400", Currency.USD, ("4412.10", "4400.00")),
        ("4399.996", "4400", Currency.USD, ("4399.996", "4400.000")),
        ("4400.000001", "4400", Currency.USD, ("4400.000001", "4400.000000")),
        ("4400.025", "4400.015", Currency.USD, ("4400.025", "4400.015")),
        ("15999.6", "16000", Currency.JPY, ("15999.6", "16000.0")),
        ("4400", "4400", Currency.EUR, ("4400.00", "4400.00")),
        ("9" * 30, "1", Currency.USD, ("9" * 30 + ".00", "1.00")),
    ],
)
def test_two_amounts_that_differ_are_shown_to_differ(one, other, currency, expected):
    rounded = round_apart(Decimal(one), Decimal(other), currency)
    assert tuple(f"{amount:f}" for amount in rounded) == expected


def test_every_currency_has_its_minor_unit():
    assert set(MINOR_UNITS) == set(Currency)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("4389.38", Decimal("4389.38")),
        ("-1", Decimal(-1)),
        (4389, Decimal(4389)),
        (Decimal("0.10"), Decimal("0.10")),
        ("9" * 30, Decimal("9" * 30)),
        ("0." + "0" * 28 + "1", Decimal("1e-29")),
    ],
)
def test_a_string_or_an_integer_is_a_decimal(value, expected):
    assert decimal_string.validate_python(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        4389.38,
        float("nan"),
        True,
        None,
        [],
        "",
        " 1",
        "1\n",
        "1,000",
        "1_000",
        "1.",
        ".5",
        "0x1F",
        "٤٣٨٩",
        "NaN",
        "Infinity",
        "1e3",
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        "9" * 31,
        10**30,
        "0." + "0" * 29 + "1",
        Decimal("1e30"),
        Decimal("1e-30"),
        Decimal("1e999999"),
        "1" * 1_000_000,
    ],
    ids=lambda value: repr(value)[:40],
)
def test_anything_else_is_refused(value):
    with pytest.raises(ValidationError):
        decimal_string.validate_python(value)


def test_a_float_in_json_is_refused_because_it_is_no_longer_what_was_sent():
    with pytest.raises(ValidationError, match="decimal in a string"):
        Order.model_validate_json('{"price": 4389.38}')


@pytest.mark.parametrize("price", ["0", "-0.01"])
def test_a_price_is_above_zero(price):
    with pytest.raises(ValidationError, match="greater than 0"):
        Order(price=price)


def test_a_decimal_is_a_string_in_json_in_plain_notation():
    assert Order(price="4389.380").model_dump_json() == '{"price":"4389.380"}'
    assert Order(price=Decimal("1E+3")).model_dump_json() == '{"price":"1000"}'


def test_the_schema_says_that_it_is_a_string():
    schema = Order.model_json_schema()["properties"]["price"]

    assert schema["type"] == "string"


@given(st.decimals(min_value="-1e15", max_value="1e15", places=12))
def test_a_decimal_survives_its_journey_through_json(value):
    assert decimal_string.validate_json(decimal_string.dump_json(value)) == value
    assert Decimal(format_decimal(value)) == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [("4389.380000000000", "4389.38"), ("100", "100"), ("1E+3", "1000"), ("0.000", "0")],
)
def test_zeros_that_only_say_how_a_value_was_stored_are_not_written(value, expected):
    assert format_decimal(Decimal(value)) == expected


def test_a_computed_decimal_shows_no_zeros_of_its_storage() -> None:
    class Trigger(BaseModel):
        price: ComputedDecimalString

    trigger = Trigger(price=Decimal("2571.000000000000"))
    assert trigger.model_dump_json() == '{"price":"2571"}'
