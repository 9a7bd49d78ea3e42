"""Candles: the first, highest, lowest and last price of an interval of time."""

from dataclasses import dataclass
from datetime import datetime
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
