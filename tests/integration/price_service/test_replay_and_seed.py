"""Recorded prices: replayed as ticks, and loaded as the history of a fresh installation."""

from datetime import UTC, datetime
from decimal import Decimal

from price_service.gateways.recorded import MONTHLY, Replay, read_recording
from price_service.use_cases import ticks


def replay(prices, setting: str):
    return ticks.replay_tick(
        prices.unit_of_work, prices.clock, Replay("local", setting), prices.cache
    )


def test_each_call_plays_the_next_row_with_its_own_slot(prices, tmp_path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("timestamp,price\n2026-08-15T12:00:00Z,4390\n2026-08-15T12:01:00Z,4800.5\n")

    made = [replay(prices, str(path)) for _ in range(3)]

    assert made[2] is None
    assert [(t.sequence, t.tick.price, t.tick.state) for t in made[:2]] == [
        (1, Decimal(4390), "fresh"),
        (2, Decimal("4800.5"), "fresh"),
    ]
    assert [event.data.tick.origin for event in prices.published()] == ["replay", "replay"]
    assert len(prices.published()[0].data.prices) == 9

    with path.open("a") as file:
        file.write("2026-08-15T12:02:00Z,4801\n")
    assert replay(prices, str(path)).sequence == 3


def test_a_faster_replay_plays_many_rows_at_each_call(prices) -> None:
    playing = Replay("local", "gold_usd_monthly.csv@2026-01?speed=4")

    made = [
        [t.tick.slot.month for t in ticks.replay_ticks(*given)]
        for given in [(prices.unit_of_work, prices.clock, playing, prices.cache)] * 3
    ]

    assert made == [[1, 2, 3, 4], [5, 6], []]


def test_the_shipped_months_can_be_played_from_any_on(prices) -> None:
    tick = replay(prices, "gold_usd_monthly.csv@2025-12").tick

    assert tick.slot == datetime(2025, 12, 1, 12, tzinfo=UTC)


def test_the_history_is_loaded_once(prices) -> None:
    months = list(read_recording(MONTHLY))

    assert ticks.seed_history(prices.unit_of_work, months) == 2322
    assert ticks.seed_history(prices.unit_of_work, months) == 0

    assert prices.rows(
        "SELECT old_value, new_value, h.source, h.interval, price_id FROM price_history h "
        "ORDER BY changed_at DESC LIMIT 1"
    ) == [(Decimal(4587), Decimal(4228), "worldbank-pinksheet", "1mo", None)]
