"""Why an alert fired, to the letter."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from alert_service.domain.explanations import price_before, reason
from alert_service.domain.series import StoredTick
from alert_service.domain.triggers import HistoryEntry
from goldalert.ids import new_id
from goldalert.money import Currency
from goldalert.units import Karat, Unit
from tests.support.facts import tick

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def stored(sequence: int, price: str) -> StoredTick:
    slot = NOON + timedelta(minutes=5 * sequence)
    return StoredTick(tick(sequence=sequence, slot=slot), {"USD": Decimal(price)}, "c")


def entry(**changes: Any) -> HistoryEntry:
    """A trigger of an alert for a rise over 4400 USD, but for what a test is about."""
    facts: dict[str, Any] = {
        "id": new_id(),
        "alert_id": new_id(),
        "triggered_at": NOON,
        "version": 1,
        "alert_type": "above",
        "threshold": None,
        "upper": None,
        "window": None,
        "trail_percent": None,
        "period": None,
        "currency": Currency.USD,
        "unit": Unit.TROY_OUNCE,
        "karat": Karat.K24,
        "price": Decimal("4412.104"),
        "value_before": Decimal("4395.1"),
        "value_after": Decimal("4412.104"),
        "reference": None,
        "tick_before": stored(2, "4395.1"),
        "tick": stored(3, "4412.104"),
        "reference_tick": None,
    }
    return HistoryEntry(**facts | changes)


RANGE = {"threshold": Decimal("4400"), "upper": Decimal("4500.5")}
PERCENT = {
    "alert_type": "percent_change",
    "threshold": Decimal("2"),
    "window": "24h",
    "value_before": Decimal("1.95"),
    "value_after": Decimal("2.308"),
    "reference": Decimal("4312.57"),
    "reference_tick": stored(1, "4312.57"),
}
TRAILING = {
    "alert_type": "trailing",
    "trail_percent": Decimal("3.0"),
    "value_before": Decimal("2.1"),
    "value_after": Decimal("3.07"),
    "reference": Decimal("4551.85"),
    "reference_tick": stored(0, "4551.85"),
}
AVERAGE = {
    "alert_type": "sma_cross",
    "period": 20,
    "value_before": Decimal("-0.0031"),
    "value_after": Decimal("0.05"),
    "reference": Decimal("4410"),
}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"threshold": Decimal("4400.0")},
            "Gold rose from 4395.10 to 4412.10 USD per troy ounce "
            "and so reached your threshold of 4400 USD.",
        ),
        (
            {"threshold": Decimal("4395.101")},
            "Gold rose from 4395.100 to 4412.10 USD per troy ounce "
            "and so reached your threshold of 4395.101 USD.",
        ),
        (
            {
                "alert_type": "crosses",
                "threshold": Decimal("106"),
                "unit": Unit.GRAM,
                "karat": Karat.K18,
                "value_before": Decimal("4412.104"),
                "value_after": Decimal("4395.1"),
                "price": Decimal("105.979312"),
            },
            "Gold fell from 106.39 to 105.98 USD per gram of 18 karat "
            "and so reached your threshold of 106 USD.",
        ),
        (
            {"alert_type": "range_enter", **RANGE},
            "Gold rose from 4395.10 to 4412.10 USD per troy ounce "
            "and so entered your range of 4400 to 4500.5 USD.",
        ),
        (
            {"alert_type": "range_exit", **RANGE, "value_before": Decimal("4405")},
            "Gold rose from 4405.00 to 4412.10 USD per troy ounce "
            "and so left your range of 4400 to 4500.5 USD.",
        ),
        (
            PERCENT,
            "Gold came to 4412.10 USD per troy ounce, 2.31% above the 4312.57 USD of 24 hours "
            "earlier (2026-11-24 12:05 UTC), and so reached the 2% that you set; "
            "at the tick before it was 1.95% above.",
        ),
        (
            PERCENT | {"value_before": Decimal("1.9999"), "reference_tick": None},
            "Gold came to 4412.10 USD per troy ounce, 2.31% above the 4312.57 USD of 24 hours "
            "earlier, and so reached the 2% that you set; at the tick before it was 1.9999% above.",
        ),
        (
            PERCENT
            | {
                "threshold": Decimal("-2.5"),
                "value_before": Decimal(0),
                "value_after": Decimal("-2.5"),
                "reference_tick": None,
            },
            "Gold came to 4412.10 USD per troy ounce, 2.50% below the 4312.57 USD of 24 hours "
            "earlier, and so reached the -2.5% that you set; at the tick before it was level.",
        ),
        (
            TRAILING,
            "Gold came to 4412.10 USD per troy ounce, 3.07% below its peak of 4551.85 USD "
            "(2026-11-24 12:00 UTC), and so reached the 3% that you set; "
            "at the tick before it was 2.10% below.",
        ),
        (
            AVERAGE,
            "Gold came to 4412.10 USD per troy ounce, 0.05% above its average of 20 ticks, "
            "4410.00 USD, and so crossed it; at the tick before it was 0.003% below.",
        ),
        (
            AVERAGE | {"value_after": Decimal(0), "price": Decimal("4410")},
            "Gold came to 4410.00 USD per troy ounce, level with its average of 20 ticks, "
            "4410.00 USD, and so crossed it; at the tick before it was 0.003% below.",
        ),
    ],
)
def test_a_move_is_told_from_where_to_where(changes: dict[str, Any], sentence: str) -> None:
    assert reason(entry(**changes)) == sentence


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"threshold": Decimal("4400")}, "at or above your threshold of 4400 USD"),
        (
            {"alert_type": "below", "threshold": Decimal("4420")},
            "at or below your threshold of 4420 USD",
        ),
        (
            {"alert_type": "below", "threshold": Decimal("4412.104")},
            "at or below your threshold of 4412.104 USD",
        ),
        ({"alert_type": "range_enter", **RANGE}, "within your range of 4400 to 4500.5 USD"),
        ({"alert_type": "range_exit", **RANGE}, "outside your range of 4400 to 4500.5 USD"),
        (
            PERCENT | {"window": "1h"},
            "2.31% above the 4312.57 USD of an hour earlier (2026-11-24 12:05 UTC), "
            "which meets the 2% that you set",
        ),
        (
            TRAILING | {"reference_tick": None},
            "3.07% below its peak of 4551.85 USD, which meets the 3% that you set",
        ),
    ],
)
def test_without_a_move_it_is_said_where_the_price_stood(
    changes: dict[str, Any], where: str
) -> None:
    still = entry(**changes | {"value_before": None, "tick_before": None})
    assert price_before(still) is None
    assert reason(still).endswith(
        f", {where}: the alert was to fire at once if its condition was met already."
    )
    assert reason(still).startswith("Gold stood at 4412.10")


def test_the_price_before_is_in_the_rules_own_unit() -> None:
    grams = {"unit": Unit.GRAM, "karat": Karat.K18, "value_before": Decimal("4389.38")}
    assert price_before(entry(**grams)) == Decimal("105.841382980053")
    derived = PERCENT | grams | {"tick_before": stored(2, "4389.38")}
    assert price_before(entry(**derived)) == Decimal("105.841382980053")


@pytest.mark.parametrize("tick_before", [None, StoredTick(tick(), {"EUR": Decimal(1)}, "c")])
def test_a_price_before_that_nobody_knows_any_more_is_not_guessed(
    tick_before: StoredTick | None,
) -> None:
    assert price_before(entry(**PERCENT | {"tick_before": tick_before})) is None
