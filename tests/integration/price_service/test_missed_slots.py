"""R3: slots without a tick are seen, while they are missing and afterwards."""

import json
from datetime import timedelta
from typing import Any

import pytest

from price_service.gateways.metrics import TickMetrics
from price_service.gateways.recorded import Replay
from price_service.use_cases import serving, ticks
from tests.support.market_day import CALM, NOON, SLOT


@pytest.fixture
def errors(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    lines: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(
        "price_service.use_cases.ticks.logger.error",
        lambda message, extra: lines.append((message, extra)),
    )
    return lines


def test_three_slots_that_are_skipped_are_told_by_the_status_and_by_the_next_tick(
    prices, errors
) -> None:
    """R3."""

    def missed() -> tuple[str, int, int]:
        status = serving.status(prices.unit_of_work, serving.Slots(prices.clock, SLOT))
        return status.status, status.missed_slots, status.missed_slots_24h

    prices.fetch(**CALM)
    prices.clock.time = NOON + 4 * SLOT
    assert missed() == ("stale", 3, 3)

    prices.fetch(NOON + 4 * SLOT, **CALM)

    assert missed() == ("fresh", 0, 3)
    assert errors == [
        (
            "slots were missed",
            {
                "missed": 3,
                "after": "2026-08-18T16:00:00+00:00",
                "before": "2026-08-18T16:20:00+00:00",
            },
        )
    ]


def test_of_an_outage_that_began_earlier_the_status_tells_the_last_day(prices) -> None:
    """R3."""
    prices.fetch(**CALM)
    prices.fetch(NOON + timedelta(hours=28), **CALM)
    prices.clock.time = NOON + timedelta(hours=30)

    status = serving.status(prices.unit_of_work, serving.Slots(prices.clock, SLOT))

    assert (status.missed_slots, status.missed_slots_24h) == (23, 263 + 23)


@pytest.mark.parametrize("late", [-20, 0, 20])
def test_a_schedule_that_is_a_little_early_or_late_has_missed_nothing(prices, errors, late) -> None:
    prices.fetch(**CALM)

    prices.fetch(NOON + SLOT + timedelta(seconds=late), **CALM)

    assert errors == []


def test_the_times_of_a_replay_are_no_gap(prices, errors, tmp_path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("timestamp,price\n2026-08-01T12:00:00Z,4390\n")
    playing = Replay("local", str(path))
    ticks.replay_tick(prices.unit_of_work, prices.clock, playing, prices.cache)

    prices.fetch(**CALM)

    assert errors == []


def test_each_tick_says_what_the_alarms_watch(prices, capsys) -> None:
    """R3: through real ticks, of which the second one has no price of its own."""
    metrics = TickMetrics("prod", "price_service")
    stored = [prices.fetch(**CALM), prices.fetch(NOON + SLOT, swissquote="4390")]

    for new in stored:
        metrics.put(new)

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    names = (
        "TickStored",
        "PriceMayTrigger",
        "PriceWithheld",
        "MarketClosed",
        "SourcesAnswering",
        "SourcesCounted",
    )
    assert [[line[name] for name in names] for line in lines] == [
        [[1.0], [1.0], [0.0], [0.0], [3.0], [3.0]],
        [[1.0], [0.0], [1.0], [0.0], [1.0], [1.0]],
    ]
