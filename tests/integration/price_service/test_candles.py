"""Candles are what a recomputation from the stored ticks gives, however the ticks came in."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from goldalert.money import Currency
from price_service.domain.candles import Candle, Interval
from price_service.domain.model import Rate, RecordedPrice
from price_service.use_cases import ticks
from tests.support.market_day import CALM, NOON, SLOT, refusal

type Series = dict[tuple[str, str], list[tuple[object, ...]]]


def recomputed(engine: Engine) -> Series:
    """Return all candles, made anew from the ticks, which are read in any order."""
    with engine.begin() as connection:
        rows = list(
            connection.execute(
                text(
                    "SELECT timestamp, price, origin, exchange_rates, state FROM prices "
                    "ORDER BY md5(CAST(id AS text))"
                )
            )
        )
    found: dict[tuple[str, str, datetime], list[tuple[datetime, Decimal, str]]] = defaultdict(list)
    for slot, usd, origin, rates, state in rows:
        if state not in ("fresh", "reduced"):
            continue
        prices = {name: usd * Decimal(rate["per_usd"]) for name, rate in rates.items()}
        for currency, price in {**prices, "USD": usd}.items():
            for interval, start in starts(slot).items():
                found[currency, interval, start].append((slot, price, origin))
    series: Series = defaultdict(list)
    for (currency, interval, start), made in sorted(found.items()):
        _, prices, origins = zip(*sorted(made), strict=True)
        real = next(o for o in ("simulator", "replay", "live") if o in origins)
        series[currency, interval].append(
            (start, prices[0], max(prices), min(prices), prices[-1], len(prices), real)
        )
    return series


def starts(slot: datetime) -> dict[str, datetime]:
    """Return where the intervals of a slot begin, by other means than the service's."""
    year, week, _ = slot.isocalendar()
    return {
        "5m": datetime.fromtimestamp(slot.timestamp() // 300 * 300, UTC),
        "1h": datetime.fromtimestamp(slot.timestamp() // 3600 * 3600, UTC),
        "1d": datetime(slot.year, slot.month, slot.day, tzinfo=UTC),
        "1w": datetime.combine(date.fromisocalendar(year, week, 1), datetime.min.time(), UTC),
        "1mo": datetime(slot.year, slot.month, 1, tzinfo=UTC),
    }


def stored(engine: Engine) -> Series:
    series: Series = defaultdict(list)
    with engine.begin() as connection:
        for currency, interval, *candle in connection.execute(
            text(
                "SELECT currency, interval, start, open, high, low, close, ticks, origin "
                "FROM candles ORDER BY currency, interval, start"
            )
        ):
            series[currency, interval].append(tuple(candle))
    return series


class Recording:
    """Plays rows that a test has made up, in the exchange rates that hold at each."""

    def __init__(self, rows: list[tuple[RecordedPrice, list[Rate]]]) -> None:
        self._rows = iter(rows)

    def next_after(self, _: datetime | None) -> RecordedPrice | None:
        price, self._rates = next(self._rows)
        return price

    def rates(self, _: date) -> list[Rate]:
        return self._rates


EDGES = [
    datetime(2026, 8, 18, 15, 58, tzinfo=UTC),
    datetime(2026, 12, 31, 23, 50, tzinfo=UTC),  # a year, in the middle of a week
    datetime(2028, 2, 28, 23, 50, tzinfo=UTC),  # a leap day
    datetime(2028, 2, 29, 23, 50, tzinfo=UTC),
    datetime(2026, 8, 23, 23, 50, tzinfo=UTC),  # a week
    datetime(2027, 3, 14, 6, 50, tzinfo=UTC),  # New York's clocks go forward, and back
    datetime(2026, 11, 1, 5, 50, tzinfo=UTC),
    datetime(1979, 12, 31, 23, 50, tzinfo=UTC),  # a replay of long ago
]
GAPS = st.sampled_from(
    [timedelta(seconds=1), SLOT, SLOT, 2 * SLOT, timedelta(hours=1), timedelta(days=1)]
) | st.timedeltas(timedelta(milliseconds=1), timedelta(days=40))
PRICES = st.decimals(100, 9000, places=3)
PER_USD = st.dictionaries(
    st.sampled_from([currency for currency in Currency if currency is not Currency.USD]),
    st.decimals(Decimal("0.5"), 150, places=4),
)
PLAYED = st.lists(st.tuples(GAPS, PRICES, PER_USD), min_size=1, max_size=12)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(start=st.sampled_from(EDGES), played=PLAYED)
def test_candles_are_what_the_ticks_add_up_to(prices, start, played) -> None:
    with prices.engine.begin() as connection:
        for table in ("price_history", "prices", "candles", "outbox"):
            connection.execute(text(f"DELETE FROM {table}"))
    slot, rows = start, []
    for gap, price, per_usd in played:
        rates = [Rate(name, rate, "ecb", slot.date()) for name, rate in per_usd.items()]
        rows.append((RecordedPrice(slot, price), rates))
        slot += gap
    recording = Recording(rows)

    for _ in rows:
        ticks.replay_tick(prices.unit_of_work, prices.clock, recording, prices.cache)

    assert stored(prices.engine) == recomputed(prices.engine)
    assert len(stored(prices.engine)["USD", "5m"]) >= 1


def test_only_ticks_that_may_trigger_are_part_of_them(prices) -> None:
    saturday = NOON + timedelta(days=4)
    prices.fetch(NOON, **CALM)
    prices.fetch(NOON + SLOT, swissquote="4500")
    prices.fetch(saturday, **CALM)

    assert prices.rows("SELECT state FROM prices ORDER BY sequence") == [
        ("fresh",),
        ("held",),
        ("closed",),
    ]
    assert stored(prices.engine) == recomputed(prices.engine)
    assert prices.rows("SELECT DISTINCT ticks FROM candles") == [(1,)]


def test_one_price_that_is_not_real_labels_a_candle(simulated) -> None:
    simulated.fetch(**CALM)
    simulated.market.script = [[refusal("swissquote")]]
    simulated.fetch(NOON + SLOT)
    simulated.fetch(NOON + 2 * SLOT, **CALM)

    by_interval = {
        interval: [(candle.ticks, candle.origin) for candle in read(simulated, interval)]
        for interval in (Interval.FIVE_MINUTES, Interval.HOUR)
    }

    assert by_interval == {
        "5m": [(1, "live"), (1, "simulator"), (1, "live")],
        "1h": [(3, "simulator")],
    }


def read(prices, interval: Interval, **query: object) -> list[Candle]:
    query = {"since": None, "until": None, "limit": 100} | query
    with prices.unit_of_work.begin() as tx:
        return tx.repository.candles(Currency.USD, interval, **query)


def test_the_newest_ones_are_read_and_the_oldest_of_them_comes_first(prices) -> None:
    slots = [NOON + number * SLOT for number in range(3)]
    for slot in slots:
        prices.fetch(slot, **CALM)

    def found(**query: object) -> list[datetime]:
        return [candle.start for candle in read(prices, Interval.FIVE_MINUTES, **query)]

    assert found() == slots
    assert found(limit=2) == slots[1:]
    assert found(since=slots[1]) == slots[1:]
    assert found(until=slots[1]) == slots[:1]


def test_a_tick_that_fails_leaves_no_candle(prices) -> None:
    """R4."""
    prices.clock.now = None  # the event, which comes after the candles, needs it

    with pytest.raises(TypeError):
        prices.fetch(**CALM)

    assert prices.rows("SELECT count(*) FROM candles") == [(0,)]


def test_a_deploy_makes_the_candles_of_the_ticks_that_are_there(first_version) -> None:
    made = first_version("price_service")
    slots = [NOON + number * timedelta(hours=7, minutes=3) for number in range(60)]
    rates = '{"EUR": {"per_usd": "0.85697"}, "JPY": {"per_usd": "147.5"}}'
    with made.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO prices (id, sequence, price, timestamp, as_of, state, reason, origin, "
                "counted, agreeing, spread_bps, quotes, exchange_rates) "
                "SELECT gen_random_uuid(), n, 4000 + mod(n, 7) * 1.25, slot, slot, "
                "(ARRAY['fresh', 'reduced', 'held'])[1 + mod(n, 3)], 'agreed', "
                "CASE WHEN n < 50 THEN 'live' ELSE 'simulator' END, 3, 3, 0, '[]', "
                "CASE WHEN n > 5 THEN CAST(:rates AS jsonb) ELSE '{}' END "
                "FROM unnest(CAST(:slots AS timestamptz[])) WITH ORDINALITY AS s(slot, n)"
            ),
            {"slots": slots, "rates": rates},
        )

    made.upgrade()

    assert stored(made.engine) == recomputed(made.engine)
    assert {currency for currency, _ in stored(made.engine)} == {"USD", "EUR", "JPY"}
