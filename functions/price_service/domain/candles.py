"""Candles: the first, highest, lowest and last price of an interval of time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from goldalert.events.prices import Origin


class Interval(StrEnum):
    """The length of a candle, in UTC: weeks begin on Monday, months on their first day."""

    FIVE_MINUTES = "5m"
    HOUR = "1h"
    DAY = "1d"
    WEEK = "1w"
    MONTH = "1mo"

    def start_of(self, moment: datetime) -> datetime:
        """Return when the interval that an aware moment falls into begins."""
        utc = moment.astimezone(UTC)
        hour = utc.replace(minute=0, second=0, microsecond=0)
        match self:
            case Interval.FIVE_MINUTES:
                return hour.replace(minute=utc.minute // 5 * 5)
            case Interval.HOUR:
                return hour
            case Interval.DAY:
                return hour.replace(hour=0)
            case Interval.WEEK:
                return hour.replace(hour=0) - timedelta(days=utc.weekday())
            case Interval.MONTH:
                return hour.replace(hour=0, day=1)

    @property
    def shortest(self) -> timedelta:
        """How long such an interval lasts, at least: a month may be longer."""
        return _SHORTEST[self]


_SHORTEST = {
    Interval.FIVE_MINUTES: timedelta(minutes=5),
    Interval.HOUR: timedelta(hours=1),
    Interval.DAY: timedelta(days=1),
    Interval.WEEK: timedelta(days=7),
    Interval.MONTH: timedelta(days=28),
}


@dataclass(frozen=True, slots=True)
class Candle:
    """The prices per troy ounce of one interval, in one currency.

    Attributes:
        start: when the interval begins; the next one's start is not part of it.
        ticks: how many prices it is made of.
        origin: of its least real price: `simulator`, else `replay`, else `live`.
    """

    start: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    ticks: int
    origin: Origin
