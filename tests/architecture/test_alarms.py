"""The alarms watch what the code says, and nothing that it does not (R3)."""

import json
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from goldalert.events.prices import TickState
from goldalert.money import Currency
from price_service.config import RATES_OLD
from price_service.domain.model import Rate, StoredTick, Tick, TickReason
from price_service.gateways.metrics import TickMetrics, metrics_of
from tests.support.market_day import NOON
from tests.support.template import Rendered, render

PROD = render("prod", PriceSlotSeconds="300")
ALARMS = PROD.of_type("AWS::CloudWatch::Alarm")
MISSING, WITHHELD = ALARMS["PriceTicksMissingAlarm"], ALARMS["PriceWithheldAlarm"]
RATES_ARE_OLD = ALARMS["PriceExchangeRatesOldAlarm"]


def stored(state: TickState, reason: TickReason, *, days: int = 0) -> StoredTick:
    """A tick with exchange rates that are so old."""
    rate = Rate(Currency.EUR, Decimal("0.86"), "ecb", NOON.date() - timedelta(days=days))
    return StoredTick(UUID(int=1), 1, Tick(NOON, "live", state, reason, None, None), (rate,))


AGREED = stored("fresh", TickReason.AGREED)
CLOSED = stored("closed", TickReason.MARKET_CLOSED)
HELD = stored("held", TickReason.SPLIT)


def is_alarming(alarm: dict[str, object], *slots: list[StoredTick]) -> bool:
    """What CloudWatch makes of the last three periods, each with the ticks that fell into it."""
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"], len(slots)) == (3, 3, 3)
    statistic = {"Sum": sum, "Minimum": min}[str(alarm["Statistic"])]
    compare = {
        "LessThanThreshold": float.__lt__,
        "GreaterThanOrEqualToThreshold": float.__ge__,
    }[str(alarm["ComparisonOperator"])]
    return all(
        compare(
            float(statistic(metrics_of(tick)[str(alarm["MetricName"])] for tick in ticks)),
            float(str(alarm["Threshold"])),
        )
        if ticks
        else alarm["TreatMissingData"] == "breaching"
        for ticks in slots
    )


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_watches_what_the_code_says(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """R3: a misspelt name would keep an alarm silent for ever."""
    alarm = ALARMS[name]
    variables = PROD.functions["PriceScheduledFetchPriceFunction"]["Environment"]["Variables"]
    TickMetrics(variables["STAGE"], variables["POWERTOOLS_SERVICE_NAME"]).put(AGREED)
    said = directives(capsys.readouterr().out)

    assert alarm["Namespace"] == said["Namespace"]
    assert [dimension["Name"] for dimension in alarm["Dimensions"]] == said["Dimensions"][0]
    assert alarm["MetricName"] in [metric["Name"] for metric in said["Metrics"]]
    assert [dimension["Value"] for dimension in alarm["Dimensions"]] == ["price_service"]
    assert alarm["Period"] == "300"


def test_three_slots_without_a_tick_are_alarming() -> None:
    """R3."""
    assert is_alarming(MISSING, [], [], [])
    assert not is_alarming(MISSING, [], [], [HELD])
    # two of one period, since a schedule is never quite on time
    assert not is_alarming(MISSING, [], [AGREED, AGREED], [])


def test_three_slots_without_a_trustworthy_price_are_alarming_while_the_market_is_open() -> None:
    """R3."""
    assert is_alarming(WITHHELD, [HELD], [HELD], [HELD])
    assert not is_alarming(WITHHELD, [HELD], [AGREED], [HELD])
    assert not is_alarming(WITHHELD, [HELD, AGREED], [HELD], [HELD])
    assert not is_alarming(WITHHELD, [CLOSED], [CLOSED], [CLOSED])
    assert not is_alarming(WITHHELD, [], [], [])


def test_exchange_rates_are_alarming_when_they_are_older_than_any_weekend() -> None:
    """R3."""
    limit = RATES_OLD.days
    at_most, older = (stored("fresh", TickReason.AGREED, days=d) for d in (limit, limit + 1))
    assert is_alarming(RATES_ARE_OLD, [older], [older], [older])
    assert not is_alarming(RATES_ARE_OLD, [at_most], [at_most], [at_most])
    assert not is_alarming(RATES_ARE_OLD, [], [], [])


@pytest.mark.parametrize("name", ALARMS)
def test_an_alarm_tells_whoever_wants_to_know(name: str) -> None:
    topic = "arn:aws:sns:eu-central-1:123456789012:operators"
    alarm = told(name, render("prod", AlarmTopicArn=topic))
    assert (alarm["AlarmActions"], alarm["OKActions"]) == ([topic], [topic])
    assert {"AlarmActions", "OKActions"}.isdisjoint(ALARMS[name])


def test_the_local_machine_has_no_alarms() -> None:
    assert render("local").of_type("AWS::CloudWatch::Alarm") == {}


def told(name: str, rendered: Rendered) -> dict[str, object]:
    return rendered.of_type("AWS::CloudWatch::Alarm")[name]


def directives(line: str) -> dict[str, list]:
    """What a line of the embedded metric format tells CloudWatch."""
    [said] = json.loads(line)["_aws"]["CloudWatchMetrics"]
    return said
