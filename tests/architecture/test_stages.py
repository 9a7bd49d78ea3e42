"""What is only for the local machine stays on it."""

import json
import re

import pytest

from goldalert_local.profiles import PROFILES
from tests.support.template import load, render

LOCAL_WORDS = re.compile(
    r"127\.0\.0\.\d|localhost|::1\b|0\.0\.0\.0|localstack|simulator|replay|\bdisable\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("stage", ["dev", "staging", "prod"])
def test_nothing_local_is_in_another_stages_template(stage: str) -> None:
    rendered = render(stage, PriceSources="replay:monthly")
    assert set(LOCAL_WORDS.findall(json.dumps(rendered.resources))) == set()


@pytest.mark.parametrize("stage", ["dev", "staging", "prod"])
def test_prices_come_from_live_sources(stage: str) -> None:
    for function in render(stage, PriceSources="replay:monthly").functions.values():
        assert "PRICE_SOURCES" not in function["Environment"]["Variables"]


def test_locally_prices_may_be_replayed() -> None:
    """The counterpart: without it the tests above could not fail."""
    function = render("local", PriceSources="replay:monthly").functions
    variables = function["PriceScheduledFetchPriceFunction"]["Environment"]["Variables"]
    assert variables["PRICE_SOURCES"] == "replay:monthly"


@pytest.mark.parametrize("profile", ["template", *PROFILES])
def test_a_tick_is_fetched_as_often_as_there_are_slots(profile: str) -> None:
    given = {} if profile == "template" else PROFILES[profile].parameters
    declared = load()["Parameters"]
    schedule, seconds = (
        str(given.get(name, declared[name]["Default"]))
        for name in ("PricePollSchedule", "PriceSlotSeconds")
    )

    [minutes] = re.findall(r"rate\((\d+) minutes?\)", schedule)
    assert int(minutes) * 60 == int(seconds)
    # the periods of alarms that CloudWatch takes
    assert int(seconds) in declared["PriceSlotSeconds"]["AllowedValues"]


def test_a_stage_is_complete_without_a_domain() -> None:
    assert "Domain" not in render("prod").resources
    assert "Domain" in render("prod", DomainName="api.goldalert.example").resources
