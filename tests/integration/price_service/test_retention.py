"""What is old goes, by the time of the newest tick; what is needed stays."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from goldalert.db.engine import make_engine
from goldalert.secrets import DatabaseSecret
from price_service.config import HOURS_KEPT, TICKS_KEPT
from price_service.handlers import scheduled_remove_old_rows
from price_service.use_cases import retention
from price_service.use_cases.retention import remove_old_rows
from tests.support.invocations import Context
from tests.support.market_day import NOON

MINUTE = timedelta(minutes=1)


def add_tick(connection: Connection, sequence: int, slot: datetime) -> None:
    """Add a tick that changed the price."""
    connection.execute(
        text(
            "WITH tick AS (INSERT INTO prices (id, sequence, price, timestamp, as_of, state, "
            "reason, origin, counted, agreeing, spread_bps, quotes, exchange_rates) "
            "VALUES (gen_random_uuid(), :sequence, 4390, :slot, :slot, 'fresh', 'agreed', 'live', "
            "3, 3, 0, '[]', '{}') RETURNING id, price, timestamp) "
            "INSERT INTO price_history (id, price_id, new_value, changed_at, source, interval) "
            "SELECT gen_random_uuid(), id, price, timestamp, 'live', 'tick' FROM tick"
        ),
        {"sequence": sequence, "slot": slot},
    )


def add_candles(connection: Connection, start: datetime, *intervals: str) -> None:
    connection.execute(
        text(
            "INSERT INTO candles SELECT 'USD', interval, :start, 1, 1, 1, 1, 1, 'live' "
            "FROM unnest(CAST(:intervals AS text[])) AS i(interval)"
        ),
        {"start": start, "intervals": list(intervals)},
    )


def partitions(prices) -> list[str]:
    return [
        name
        for (name,) in prices.rows(
            "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
            "WHERE inhparent = CAST('candles_5m' AS regclass) ORDER BY relname"
        )
    ]


@pytest.fixture
def begin(prices) -> Callable[[], Connection]:
    return prices.engine.begin


def test_ticks_go_with_their_history_and_the_newest_stays_however_old(prices, begin) -> None:
    oldest_kept = NOON - TICKS_KEPT
    with begin() as connection:
        for sequence, slot in enumerate([oldest_kept - MINUTE, oldest_kept, NOON], start=1):
            add_tick(connection, sequence, slot)

    assert remove_old_rows(prices.unit_of_work) == 2

    assert prices.rows("SELECT sequence FROM prices ORDER BY sequence") == [(2,), (3,)]
    assert prices.rows("SELECT changed_at FROM price_history ORDER BY 1") == [
        (oldest_kept,),
        (NOON,),
    ]
    assert remove_old_rows(prices.unit_of_work) == 0


def test_monthly_averages_stay(prices, begin) -> None:
    with begin() as connection:
        add_tick(connection, 1, NOON)
        connection.execute(
            text(
                "INSERT INTO price_history (id, new_value, changed_at, source, interval) VALUES "
                "(gen_random_uuid(), 35, '1960-01-01T00:00:00Z', 'worldbank-pinksheet', '1mo')"
            )
        )

    assert remove_old_rows(prices.unit_of_work) == 0


def test_old_exchange_rates_go_but_the_last_known_of_a_currency(prices, begin) -> None:
    with begin() as connection:
        add_tick(connection, 1, NOON)
        for currency, days in (("EUR", 1), ("EUR", 402), ("TRY", 500), ("TRY", 501)):
            connection.execute(
                text("INSERT INTO exchange_rates VALUES (:currency, :as_of, 'ecb', 1, :at)"),
                {
                    "currency": currency,
                    "as_of": (NOON - timedelta(days=days)).date(),
                    "at": NOON,
                },
            )

    assert remove_old_rows(prices.unit_of_work) == 2

    assert prices.rows("SELECT currency, as_of FROM exchange_rates ORDER BY currency") == [
        ("EUR", (NOON - timedelta(days=1)).date()),
        ("TRY", (NOON - timedelta(days=500)).date()),
    ]


def test_candles_of_an_hour_go_after_years_and_longer_ones_stay(prices, begin) -> None:
    with begin() as connection:
        add_tick(connection, 1, NOON)
        add_candles(connection, NOON - HOURS_KEPT - MINUTE, "1h", "1d", "1w", "1mo")
        add_candles(connection, NOON - HOURS_KEPT, "1h")

    assert remove_old_rows(prices.unit_of_work) == 1

    assert prices.rows("SELECT interval FROM candles ORDER BY interval") == [
        ("1d",),
        ("1h",),
        ("1mo",),
        ("1w",),
    ]


def test_months_of_five_minute_candles_go_as_a_whole_and_coming_ones_are_made(
    prices, begin
) -> None:
    december = datetime(2029, 12, 15, tzinfo=UTC)
    with begin() as connection:
        connection.execute(text("SELECT keep_candle_partitions(400)"))
        add_candles(connection, datetime(2026, 11, 24, tzinfo=UTC), "5m")
        add_tick(connection, 1, december)

    remove_old_rows(prices.unit_of_work)

    assert partitions(prices) == [
        *(f"candles_5m_2028{month:02}" for month in (11, 12)),
        *(f"candles_5m_2029{month:02}" for month in range(1, 13)),
        *(f"candles_5m_2030{month:02}" for month in (1, 2, 3)),
        "candles_5m_other",
    ]
    assert prices.rows("SELECT count(*) FROM candles") == [(0,)]


def test_every_candle_has_a_place_whatever_its_time(prices, begin) -> None:
    """A replay of long ago, or months in which nobody made partitions."""
    long_ago = datetime(1979, 12, 31, tzinfo=UTC)
    with begin() as connection:
        add_candles(connection, long_ago, "5m")
        add_tick(connection, 1, long_ago)
    assert prices.rows("SELECT start FROM candles_5m_other") == [(long_ago,)]

    remove_old_rows(prices.unit_of_work)

    assert "candles_5m_197911" in partitions(prices)
    assert "candles_5m_197912" not in partitions(prices)
    assert prices.rows("SELECT start FROM candles WHERE interval = '5m'") == [(long_ago,)]

    with begin() as connection:
        add_tick(connection, 2, NOON)
    assert remove_old_rows(prices.unit_of_work) == 3  # the tick, its history and the candle
    assert not any("197" in name for name in partitions(prices))


def test_a_run_removes_a_bounded_number(prices, begin, monkeypatch) -> None:
    monkeypatch.setattr(retention, "ROWS_REMOVED", 2)
    with begin() as connection:
        for sequence in range(1, 4):
            add_tick(connection, sequence, NOON - timedelta(days=500) + sequence * MINUTE)
        add_tick(connection, 4, NOON)

    assert [remove_old_rows(prices.unit_of_work) for _ in range(3)] == [4, 2, 0]


def test_who_reads_candles_keeps_them_from_being_dropped_until_the_next_run(prices, begin) -> None:
    """A tick that waited for the reader, too, would be a missed slot."""
    with begin() as connection:
        connection.execute(text("SELECT keep_candle_partitions(400)"))
        add_tick(connection, 1, datetime(2029, 12, 15, tzinfo=UTC))
    before = partitions(prices)

    with prices.engine.connect() as reader:
        reader.execute(text("SELECT count(*) FROM candles"))
        with pytest.raises(Exception, match="lock timeout"):
            remove_old_rows(prices.unit_of_work)

    assert partitions(prices) == before
    remove_old_rows(prices.unit_of_work)
    assert partitions(prices) != before


def test_an_empty_database_is_made_ready(prices, postgres: DatabaseSecret) -> None:
    months = [name for name in partitions(prices) if name != "candles_5m_other"]
    administrator = make_engine(postgres.model_copy(update={"dbname": prices.engine.url.database}))
    with administrator.begin() as connection:
        connection.execute(text(f"DROP TABLE {', '.join(months)}"))
    administrator.dispose()
    assert partitions(prices) == ["candles_5m_other"]

    assert remove_old_rows(prices.unit_of_work) == 0

    assert partitions(prices) == [*months, "candles_5m_other"]


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE candles_5m_other",
        "ALTER TABLE candles ADD COLUMN more text",
        "CREATE TABLE more (id uuid)",
        "CREATE OR REPLACE FUNCTION keep_candle_partitions(kept_days integer) RETURNS void "
        "LANGUAGE sql AS ''",
    ],
)
def test_the_service_alters_no_table_but_through_the_owners_function(prices, statement) -> None:
    with (
        pytest.raises(ProgrammingError, match=r"must be owner|permission denied"),
        prices.engine.begin() as connection,
    ):
        connection.execute(text(statement))


def test_the_owners_function_is_for_the_service_alone_and_looks_nothing_up(prices) -> None:
    [(rights, settings)] = prices.rows(
        "SELECT CAST(proacl AS text), proconfig FROM pg_proc "
        "WHERE proname = 'keep_candle_partitions'"
    )
    assert (
        rights == "{price_service_owner=X/price_service_owner,price_service=X/price_service_owner}"
    )
    assert settings[0] == "search_path=pg_catalog, pg_temp"


@pytest.mark.usefixtures("services")
def test_the_schedule_says_how_much_is_gone(begin) -> None:
    with begin() as connection:
        add_tick(connection, 1, NOON - timedelta(days=500))
        add_tick(connection, 2, NOON)

    answer = scheduled_remove_old_rows.lambda_handler({"id": "an-hourly-event"}, Context())

    assert answer == {"removed": 2}
