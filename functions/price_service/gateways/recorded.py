"""Made-up prices, for a local machine alone: a recording, or a simulator when no source answers."""

import csv
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

from goldalert.money import Currency, parse_decimal
from goldalert.settings import Stage
from goldalert.units import PLACES
from price_service.domain.model import Rate, RecordedPrice

DATA = Path(__file__).parent.parent / "data"
MONTHLY = DATA / "gold_usd_monthly.csv"

_NOON = timedelta(hours=12)
_YEARLY_VOLATILITY = Decimal("0.16")
_YEAR = timedelta(days=365.25)


class OnlyLocalError(Exception):
    """Recorded and simulated prices exist on the local machine only."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(f"there is no made-up price on stage {stage}")


def read_recording(path: Path) -> Iterator[RecordedPrice]:
    """Yield the rows of a CSV file with the columns `timestamp,price` or `Date,Price`.

    A `Date` is a month, and stands for its first day at 12:00 UTC.

    Raises:
        ValueError: a row is not as expected; the message says which.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        header = next(rows, [])
        if header not in (["timestamp", "price"], ["Date", "Price"]):
            raise ValueError(f"{path.name}: columns must be timestamp,price or Date,Price")
        for row in rows:
            if not row:
                continue
            try:
                time, price = row
                recorded = RecordedPrice(_slot(time), parse_decimal(price))
                if recorded.price <= 0:
                    raise ValueError("a price is above zero")
            except ValueError as error:
                raise ValueError(f"{path.name}, line {rows.line_num}: {error}") from error
            yield recorded


def _slot(time: str) -> datetime:
    if len(time) == len("2026-08"):
        return datetime.fromisoformat(f"{time}-01").replace(tzinfo=UTC) + _NOON
    moment = datetime.fromisoformat(time)
    if moment.tzinfo is None:
        raise ValueError("a timestamp must say its time zone, such as 2026-08-18T13:30:00Z")
    return moment.astimezone(UTC)


class Replay:
    """Plays a recording, row by row.

    The file is read anew each time, so that rows that are appended to it are seen. While it does
    not exist, there is nothing to play.

    Args:
        stage: must be `local`.
        setting: `<path>[@YYYY-MM][?speed=<rows>]`: where to begin, and how many rows to play at
            each call of the schedule; a bare file name means a file of the data that is shipped
            with the service.

    Raises:
        OnlyLocalError: on any other stage.
    """

    def __init__(self, stage: Stage, setting: str) -> None:
        if stage != "local":
            raise OnlyLocalError(stage)
        recording, _, speed = setting.partition("?speed=")
        path, _, start = recording.partition("@")
        self.speed = int(speed or 1)
        self._path = Path(path) if "/" in path else DATA / path
        self._start = _slot(start) - _NOON if start else None

    def next_after(self, last: datetime | None) -> RecordedPrice | None:
        """Return the first row that is later than `last`, or None when there is none (yet)."""
        if not self._path.exists():
            return None
        for recorded in read_recording(self._path):
            is_played = last is not None and recorded.slot <= last
            if not is_played and (self._start is None or recorded.slot >= self._start):
                return recorded
        return None

    def rates(self, as_of: date) -> list[Rate]:
        """Return round exchange rates, since a recording has none."""
        return _round_rates(as_of)


class Simulator:
    """Invents prices: steps of a geometric Brownian motion, the same ones for the same seed.

    Args:
        stage: must be `local`.
        seed: what the steps are drawn from, together with the slot.
        step: time between two slots.

    Raises:
        OnlyLocalError: on any other stage.
    """

    def __init__(self, stage: Stage, *, seed: int, step: timedelta) -> None:
        if stage != "local":
            raise OnlyLocalError(stage)
        self._seed = seed
        variance = _YEARLY_VOLATILITY**2 * Decimal(step / _YEAR)
        self._drift = -variance / 2
        self._volatility = variance.sqrt()

    def step(self, last: Decimal, slot: datetime) -> Decimal:
        """Return the price of a slot, one step from the last known one."""
        seed = f"{self._seed} {slot.astimezone(UTC).isoformat()}"
        shock = Decimal(Random(seed).gauss())  # noqa: S311 - the same steps for the same seed
        return (last * (self._drift + self._volatility * shock).exp()).quantize(PLACES)

    def rates(self, as_of: date) -> list[Rate]:
        """Return round exchange rates, for when there are no real ones."""
        return _round_rates(as_of)


def _round_rates(as_of: date) -> list[Rate]:
    return [
        Rate(currency, Decimal(per_usd), "simulator", as_of)
        for currency, per_usd in _ROUND_RATES.items()
    ]


_ROUND_RATES = {
    Currency.EUR: "0.86",
    Currency.GBP: "0.74",
    Currency.CHF: "0.80",
    Currency.JPY: "148",
    Currency.INR: "87",
    Currency.TRY: "42",
    Currency.AED: "3.6725",
    Currency.CNY: "7.1",
}
