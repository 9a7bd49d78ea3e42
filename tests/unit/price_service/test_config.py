import pytest
from pydantic import ValidationError

from price_service.config import PriceSettings
from tests.support.template import render


def settings(**changes: object) -> PriceSettings:
    return PriceSettings.model_validate(
        {
            "stage": "local",
            "powertools_service_name": "price_service",
            "service_secret": "goldalert/local/price_service",
            "topic_arn_prefix": "arn:aws:sns:",
            "slot_seconds": "300",
            **changes,
        }
    )


def test_live_sources_are_the_default() -> None:
    assert settings(stage="prod").price_sources == ""
    assert settings().slot_length.total_seconds() == 300


def test_a_replay_is_for_the_local_machine_only() -> None:
    assert settings(price_sources="replay:prices.csv").price_sources == "replay:prices.csv"
    with pytest.raises(ValidationError, match="local only"):
        settings(price_sources="replay:prices.csv", stage="prod")


@pytest.mark.parametrize(
    "setting", ["replay:prices.csv@2026-06", "replay:/tmp/prices.csv@2026-06?speed=12"]
)
def test_a_replay_may_begin_anywhere_and_play_many_rows_at_once(setting) -> None:
    assert settings(price_sources=setting).price_sources == setting


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("price_sources", "simulator"),
        ("price_sources", "replay:"),
        ("price_sources", "replay:prices.csv?speed="),
        ("price_sources", "replay:prices.csv?speed=0"),
        ("price_sources", "replay:prices.csv?speed=fast"),
        ("price_sources", "replay:prices.csv?speed=1000"),
        ("price_sources", "replay:prices.csv?rows=2"),
        ("slot_seconds", "0"),
    ],
)
def test_what_makes_no_sense_is_refused(name, value) -> None:
    with pytest.raises(ValidationError, match=name):
        settings(**{name: value})


def test_only_the_function_that_fetches_is_told_what_to_replay() -> None:
    functions = render("local", PriceSources="replay:prices.csv").functions

    assert [
        name
        for name, function in functions.items()
        if "PRICE_SOURCES" in function["Environment"]["Variables"]
    ] == ["PriceScheduledFetchPriceFunction"]
