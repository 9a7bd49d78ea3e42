from typing import get_args

import pytest
from pydantic import ValidationError

from price_service.gateways.adapters import ADAPTERS
from price_service.gateways.rates import RATES_ADAPTERS
from price_service.schemas import AdapterName, AddExchangeRequest, ChangeExchangeRequest

MIRROR = {
    "name": "mirror",
    "region": "Iceland",
    "api_url": "https://gold.mirror.example",
    "adapter": "gold_api_com",
    "upstream": "gold-api.com",
    "priority": 1,
    "enabled": False,
}


def test_the_adapters_that_an_admin_can_name_are_those_that_the_code_knows() -> None:
    assert set(get_args(AdapterName)) == set(ADAPTERS) | set(RATES_ADAPTERS)


@pytest.mark.parametrize("request_type", [AddExchangeRequest, ChangeExchangeRequest])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", None),
        ("name", "Mirror"),
        ("name", "-mirror"),
        ("name", "a\r\nb"),
        ("name", "m" * 41),
        ("name", "simulator"),
        ("name", "replay"),
        ("name", "worldbank-pinksheet"),
        ("upstream", "replay"),
        ("region", ""),
        ("region", None),
        ("region", "x" * 61),
        ("region", "\0"),
        ("adapter", "bloomberg"),
        ("adapter", None),
        ("priority", -1),
        ("priority", 1001),
        ("priority", "1"),
        ("priority", None),
        ("enabled", "perhaps"),
        ("enabled", None),
        ("api_url", None),
        ("api_url", ""),
        ("api_url", "https://" + "a" * 200 + ".example"),
        ("id", "0198f2a0-0000-7000-8000-000000000001"),
        ("secret", "x"),
    ],
)
def test_a_source_that_makes_no_sense_is_refused(
    request_type: type[AddExchangeRequest | ChangeExchangeRequest], field: str, value: object
) -> None:
    """S9, S11."""
    request_type.model_validate(MIRROR)

    with pytest.raises(ValidationError) as refused:
        request_type.model_validate(MIRROR | {field: value})

    assert [error["loc"] for error in refused.value.errors()] == [(field,)]


def test_a_change_is_what_was_sent() -> None:
    change = ChangeExchangeRequest.model_validate({"enabled": False})

    assert change.model_dump(exclude_unset=True) == {"enabled": False}
