"""A window in numbers, against Python's own statistics and a calculation by hand."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from price_service.domain.analytics import Window, analyse
from price_service.domain.candles import Candle
from tests.support.market_day import NOON, SLOT

PRICES = st.decimals(Decimal(100), Decimal(10_000), places=6)


def candle(number: int, *prices: str | Decimal, origin: str = "live") -> Candle:
    """A candle that went through these prices, in this order."""
    through = [Decimal(price) for price in prices]
    return Candle(
        NOON + number * SLOT,
        through[0],
        max(through),
        min(through),
        through[-1],
        len(through),
        origin,
    )


PATHS = st.lists(st.lists(PRICES, min_size=1, max_size=4), min_size=1, max_size=40).map(
    lambda made: [candle(number, *prices) for number, prices in enumerate(made)]
)


def test_without_candles_there_is_nothing_to_say() -> None:
    assert analyse([]) is None


def test_a_window_in_numbers() -> None:
    found = analyse(
        [candle(0, "4000", "4010", "3990", "4000"), candle(1, "4020", "4100"), candle(2, "4080")]
    )

    assert (found.open, found.high, found.low, found.close) == (4000, 4100, 3990, 4080)
    assert found.change_percent == 2
    # (4000 + 4100 + 4080) / 3
    assert found.sma == 4060
    # half of what the next close is away, twice: 4000, 4050, 4065
    assert found.ema == 4065
    # √(0² + ln(4100 / 4000)² + ln(4080 / 4100)²)
    assert found.volatility == Decimal("2.52")


def test_one_candle_is_a_window_too() -> None:
    found = analyse([candle(0, "4000", "4100", "4080")])

    assert (found.sma, found.ema, found.volatility) == (4080, 4080, Decimal("1.98"))


@given(PATHS)
def test_averages_and_volatility_are_what_their_formulas_say(candles) -> None:
    found = analyse(candles)

    closes = [float(candle.close) for candle in candles]
    weight, ema = 2 / (len(closes) + 1), closes[0]
    for close in closes:
        ema = weight * close + (1 - weight) * ema
    path = [candles[0].open, *(candle.close for candle in candles)]
    squares = [(after / before).ln() ** 2 for before, after in pairwise(path)]
    assert float(found.sma) == pytest.approx(fmean(closes))
    assert float(found.ema) == pytest.approx(ema)
    assert abs(found.volatility - 100 * sum(squares, Decimal(0)).sqrt()) < Decimal("0.0051")


@given(PATHS)
def test_what_a_window_says_lies_within_its_prices(candles) -> None:
    found = analyse(candles)

    inside = (found.open, found.close, found.sma, found.ema)
    tiny = Decimal("1e-12")
    assert found.low - tiny <= min(inside)
    assert max(inside) <= found.high + tiny
    assert {found.low, found.high} <= {c.low for c in candles} | {c.high for c in candles}


@given(st.lists(PRICES, min_size=2, max_size=20), st.sampled_from([Decimal("0.5"), Decimal(148)]))
def test_a_currency_changes_no_percentage(prices, rate) -> None:
    """A constant exchange rate scales prices, and nothing that is a ratio of them."""
    dollars = analyse([candle(n, price) for n, price in enumerate(prices)])
    others = analyse([candle(n, price * rate) for n, price in enumerate(prices)])

    assert others.change_percent == dollars.change_percent
    assert others.volatility == dollars.volatility
    assert float(others.ema) == pytest.approx(float(dollars.ema * rate))


@pytest.mark.parametrize(
    ("origins", "told"),
    [
        (["live", "live"], "live"),
        (["live", "replay"], "replay"),
        (["simulator", "replay", "live"], "simulator"),
    ],
)
def test_one_price_that_is_not_real_labels_the_whole_window(origins, told) -> None:
    assert analyse([candle(n, "4000", origin=o) for n, o in enumerate(origins)]).origin == told


@pytest.mark.parametrize("window", Window)
def test_a_window_is_looked_at_through_some_hundred_candles(window) -> None:
    assert 100 < window.length / window.interval.shortest < 1000


def test_windows_are_as_long_as_they_are_called() -> None:
    assert [window.length for window in Window] == [
        timedelta(hours=24),
        timedelta(days=7),
        timedelta(days=30),
        timedelta(days=365),
    ]
