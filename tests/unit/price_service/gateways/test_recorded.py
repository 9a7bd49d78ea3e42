import statistics
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from goldalert.money import Currency
from price_service.domain.model import RecordedPrice
from price_service.gateways.recorded import (
    MONTHLY,
    OnlyLocalError,
    Replay,
    Simulator,
    read_recording,
)

SLOT = timedelta(minutes=5)
NOON = datetime(2026, 8, 18, 12, 0, tzinfo=UTC)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "prices.csv"
    path.write_text(
        "timestamp,price\n2026-08-18T12:00:00Z,4390.10\n2026-08-18T14:05:00+02:00,4391\n"
    )
    return path


def replay(path: Path | str) -> Replay:
    return Replay("local", str(path))


class TestReplay:
    def test_gives_the_first_row_that_is_later_than_the_last_tick(self, recording) -> None:
        first = replay(recording).next_after(None)
        assert first == RecordedPrice(NOON, Decimal("4390.10"))

        second = replay(recording).next_after(first.slot)
        assert second == RecordedPrice(NOON + SLOT, Decimal(4391))

        assert replay(recording).next_after(second.slot) is None

    def test_sees_rows_that_are_appended_later(self, recording) -> None:
        playing = replay(recording)
        assert playing.next_after(NOON + SLOT) is None

        with recording.open("a") as file:
            file.write("2026-08-18T12:10:00Z,4400\n")

        assert playing.next_after(NOON + SLOT).price == 4400

    def test_waits_for_a_file_that_is_not_there_yet(self, tmp_path) -> None:
        assert replay(tmp_path / "prices.csv").next_after(None) is None

    def test_plays_the_months_that_are_shipped(self) -> None:
        shipped = replay("gold_usd_monthly.csv")

        first = shipped.next_after(None)

        assert first == RecordedPrice(datetime(1833, 1, 1, 12, tzinfo=UTC), Decimal("18.930"))
        assert shipped.next_after(first.slot).slot == datetime(1833, 2, 1, 12, tzinfo=UTC)

    def test_begins_where_it_is_told_to(self) -> None:
        shipped = replay("gold_usd_monthly.csv@2026-01")

        assert shipped.next_after(None).slot == datetime(2026, 1, 1, 12, tzinfo=UTC)
        assert shipped.next_after(datetime(1990, 1, 1, tzinfo=UTC)).slot.year == 2026
        assert shipped.next_after(datetime(2026, 6, 1, 12, tzinfo=UTC)) is None

    def test_begins_with_the_very_first_moment_of_the_month(self, tmp_path) -> None:
        path = tmp_path / "prices.csv"
        path.write_text("timestamp,price\n2026-07-31T23:59:59Z,1\n2026-08-01T00:00:00Z,2\n")

        assert replay(f"{path}@2026-08").next_after(None).price == 2

    def test_has_the_speed_that_it_is_given(self, recording) -> None:
        assert replay(recording).speed == 1

        faster = replay(f"{recording}?speed=12")

        assert faster.speed == 12
        assert faster.next_after(None).slot == NOON
        assert replay("gold_usd_monthly.csv@2026-01?speed=3").next_after(None).slot.year == 2026

    @pytest.mark.parametrize("stage", ["dev", "staging", "prod"])
    def test_is_refused_on_any_stage_but_local(self, stage) -> None:
        with pytest.raises(OnlyLocalError, match=stage):
            Replay(stage, "gold_usd_monthly.csv")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "columns must be"),
        ("time,usd\n", "columns must be"),
        ("timestamp,price\n2026-08-18T12:00:00Z\n", "line 2"),
        ("timestamp,price\n2026-08-18T12:00:00Z,1\n2026-08-18T12:05:00Z,NaN\n", "line 3"),
        ("timestamp,price\n2026-08-18T12:00:00,4390\n", "time zone"),
        ("timestamp,price\n2026-08-18T12:00:00Z,0\n", "above zero"),
        ("timestamp,price\n2026-08-18T12:00:00Z,-4390\n", "above zero"),
        ("timestamp,price\nyesterday,4390\n", "line 2"),
    ],
)
def test_a_recording_that_is_wrong_says_where(tmp_path, content, message) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(content)

    with pytest.raises(ValueError, match=message):
        list(read_recording(path))


def test_the_shipped_months_are_whole() -> None:
    months = [(row.slot.year, row.slot.month) for row in read_recording(MONTHLY)]

    assert months[0] == (1833, 1)
    assert months[-1] == (2026, 6)
    assert months == [(n // 12, n % 12 + 1) for n in range(1833 * 12, 2026 * 12 + 6)]


class TestSimulator:
    def walk(self, seed: int, steps: int = 200) -> list[Decimal]:
        simulator = Simulator("local", seed=seed, step=SLOT)
        prices = [Decimal(4228)]
        for number in range(steps):
            prices.append(simulator.step(prices[-1], NOON + number * SLOT))
        return prices[1:]

    def test_walks_the_same_way_for_the_same_seed(self) -> None:
        assert self.walk(7) == self.walk(7)

    def test_walks_another_way_for_another_seed(self) -> None:
        assert self.walk(7) != self.walk(8)

    def test_is_the_same_after_any_pause(self) -> None:
        """A step depends on the slot, and not on how often the process was asked before."""
        prices = self.walk(7)

        anew = Simulator("local", seed=7, step=SLOT)

        assert anew.step(prices[98], NOON + 99 * SLOT) == prices[99]

    def test_takes_steps_of_a_geometric_brownian_motion(self) -> None:
        """Normal logarithms, independent of each other; the seed makes the bounds exact."""
        prices = self.walk(7, steps=5000)
        steps = [float((b / a).ln()) for a, b in pairwise(prices)]
        sigma = 0.16 * (SLOT / timedelta(days=365.25)) ** 0.5
        within = [statistics.NormalDist().cdf(step / sigma) for step in steps]

        assert statistics.fmean(steps) == pytest.approx(-(sigma**2) / 2, abs=3 * sigma / 5000**0.5)
        assert statistics.stdev(steps) == pytest.approx(sigma, rel=0.03)
        assert abs(statistics.correlation(steps[1:], steps[:-1])) < 3 / 5000**0.5
        # Kolmogorov and Smirnov: 1.63 is passed by one in a hundred of such samples
        distance = max(
            abs(place - number / len(within)) for number, place in enumerate(sorted(within))
        )
        assert distance < 1.63 / 5000**0.5

    def test_takes_steps_of_the_size_of_gold(self) -> None:
        prices = self.walk(7, steps=2000)

        steps = [abs(b / a - 1) for a, b in pairwise(prices)]

        # 16 % a year are 4.9 bp in five minutes; the mean of |N(0, s)| is 0.8 s
        assert Decimal("0.00035") < sum(steps) / len(steps) < Decimal("0.00043")
        assert max(steps) < Decimal("0.005")

    def test_has_round_rates_for_every_currency(self) -> None:
        rates = Simulator("local", seed=7, step=SLOT).rates(date(2026, 8, 18))

        assert {rate.currency for rate in rates} == set(Currency) - {Currency.USD}
        assert {rate.source for rate in rates} == {"simulator"}

    @pytest.mark.parametrize("stage", ["dev", "staging", "prod"])
    def test_is_refused_on_any_stage_but_local(self, stage) -> None:
        with pytest.raises(OnlyLocalError, match=stage):
            Simulator(stage, seed=7, step=SLOT)
