"""What the candles of a window say: how the price moved, where it was on average, and how nervous.

With the closes c1 … cn of the candles and the first one's open c0:

- sma, the simple moving average over the window: (c1 + … + cn) / n.
- ema, the exponential one: e1 = c1, then ei = a·ci + (1 - a)·e(i-1), with a = 2 / (n + 1), so that
  the closes are as old on average as in the simple one. NIST/SEMATECH e-Handbook of Statistical
  Methods, 6.3.2.4; J. J. Murphy, Technical Analysis of the Financial Markets (1999), chapter 9.
- volatility, the realized one of the window: 100·√(r1² + … + rn²) percent, ri = ln(ci / c(i-1)).
  Andersen, Bollerslev, Diebold, Labys: Modeling and Forecasting Realized Volatility, Econometrica
  71 (2003). It is that of the window, not of a year, and needs no calendar: what moves while the
  market is closed, or where candles are missing, is one return like any other.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

from goldalert.events.prices import Origin
from price_service.domain.candles import Candle, Interval
from price_service.domain.standing import percent_change

_PERCENT_PLACES = Decimal("0.01")


class Window(StrEnum):
    """The time up to now that is looked at; a year has 365 days."""

    DAY = "24h"
    WEEK = "7d"
    MONTH = "30d"
    YEAR = "1y"

    @property
    def length(self) -> timedelta:
        return _WINDOWS[self][0]

    @property
    def interval(self) -> Interval:
        """The candles that it is looked at through: some hundreds."""
        return _WINDOWS[self][1]


_WINDOWS = {
    Window.DAY: (timedelta(days=1), Interval.FIVE_MINUTES),
    Window.WEEK: (timedelta(days=7), Interval.HOUR),
    Window.MONTH: (timedelta(days=30), Interval.HOUR),
    Window.YEAR: (timedelta(days=365), Interval.DAY),
}


@dataclass(frozen=True, slots=True)
class Analytics:
    """A window in numbers: prices per troy ounce of pure gold; `volatility` is in percent.

    Attributes:
        origin: of the least real of its prices.
    """

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    change_percent: Decimal
    sma: Decimal
    ema: Decimal
    volatility: Decimal
    origin: Origin


def analyse(candles: Sequence[Candle]) -> Analytics | None:
    """Return what a window's candles, oldest first, say; None when there are none."""
    if not candles:
        return None
    first = candles[0].open
    closes = [candle.close for candle in candles]
    weight = Decimal(2) / (len(closes) + 1)
    ema = closes[0]
    for close in closes[1:]:
        ema += weight * (close - ema)
    # no amounts of money: floats will do, and take a hundredth of the time
    returns = (math.log(after / before) for before, after in pairwise([first, *closes]))
    return Analytics(
        open=first,
        high=max(candle.high for candle in candles),
        low=min(candle.low for candle in candles),
        close=closes[-1],
        change_percent=percent_change(first, closes[-1]),
        sma=sum(closes, Decimal(0)) / len(closes),
        ema=ema,
        volatility=Decimal(100 * math.hypot(*returns)).quantize(_PERCENT_PLACES),
        # that of the least real price: see Origin
        origin=max(candle.origin for candle in candles),
    )
