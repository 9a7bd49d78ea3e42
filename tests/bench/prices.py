"""What reading prices costs on this machine, in process: `make bench-prices`.

Real PostgreSQL, real Redis, the API function's own handler, and a year of ticks: 946,080 candles of
five minutes in nine currencies.
"""

import json
import logging
import os
import statistics
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from random import Random
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, text

from goldalert.db.engine import make_engine
from goldalert.money import Currency
from price_service.domain.candles import Interval
from tests.bench.measuring import microseconds, save, stores, summary
from tests.support.invocations import Context

DAYS = 365
SLOT = timedelta(minutes=5)
SLOTS = DAYS * 288
NOW = Interval.FIVE_MINUTES.start_of(datetime.now(UTC))
YEAR_AGO = NOW - (SLOTS - 1) * SLOT
PER_USD = {
    Currency.USD: 1.0,
    Currency.EUR: 0.857,
    Currency.GBP: 0.741,
    Currency.CHF: 0.797,
    Currency.JPY: 147.6,
    Currency.INR: 87.35,
    Currency.TRY: 41.92,
    Currency.AED: 3.6725,
    Currency.CNY: 7.1021,
}
ROUNDS, WARM_UP = 100, 10
MANY = "1000000000"

type Run = Callable[[], object]


def main() -> None:
    os.environ |= {"SLOT_SECONDS": "300", "NETWORK_REQUESTS_PER_MINUTE": MANY}
    with stores("price_service", {}) as database:
        from goldalert.observability.log import logger

        logger.setLevel(logging.CRITICAL)
        # unlike the service's own, without time-outs, and without a pool, which would ping in a
        # transaction, where there can be no VACUUM
        admin = create_engine(make_engine(database).url, poolclass=NullPool)
        rows = fill(admin)
        print(f"{rows:,} candles of five minutes")
        queries, compared = measure_candles(admin)
        requests = measure_requests()
    save(
        "prices",
        {
            "candles_5m": rows,
            "compared": compared,
            "queries": {name: summary(took) for name, took in queries.items()},
            "requests": {name: summary(took) for name, took in requests.items()},
        },
    )


def fill(admin: Engine) -> int:
    """Load a year: candles of every length, ticks, the history, and what is compared with."""
    with admin.begin() as connection:
        add_candles(connection)
        add_ticks(connection)
        add_baselines(connection)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return int(scalar(admin, "SELECT count(*) FROM candles WHERE interval = '5m'"))


def add_candles(connection: Connection) -> None:
    copy(connection, "candles", candles())
    for interval, unit in (("1h", "hour"), ("1d", "day"), ("1w", "week"), ("1mo", "month")):
        connection.execute(
            text(
                "INSERT INTO candles SELECT currency, :interval, "
                "date_trunc(:unit, start, 'UTC') AS period, "
                "(array_agg(open ORDER BY start))[1], max(high), min(low), "
                "(array_agg(close ORDER BY start DESC))[1], sum(ticks), max(origin) "
                "FROM candles WHERE interval = '5m' GROUP BY currency, period"
            ),
            {"interval": interval, "unit": unit},
        )


def add_ticks(connection: Connection) -> None:
    rates = {
        currency: {
            "currency": currency,
            "per_usd": str(rate),
            "source": "bench",
            "as_of": NOW.date().isoformat(),
        }
        for currency, rate in PER_USD.items()
        if currency is not Currency.USD
    }
    connection.execute(
        text(
            "INSERT INTO prices (id, sequence, timestamp, origin, state, reason, price, as_of, "
            "counted, agreeing, spread_bps, quotes, exchange_rates) "
            "SELECT gen_random_uuid(), row_number() OVER (ORDER BY start), start, origin, "
            "'fresh', 'agreed', close, start, 3, 3, 2, '[]', CAST(:rates AS jsonb) "
            "FROM candles WHERE interval = '5m' AND currency = 'USD'"
        ),
        {"rates": json.dumps(rates)},
    )
    connection.execute(
        text(
            "INSERT INTO price_history "
            "(id, price_id, old_value, new_value, changed_at, source, interval) "
            "SELECT gen_random_uuid(), id, lag(price) OVER (ORDER BY sequence), price, "
            "timestamp, origin, 'tick' FROM prices"
        )
    )


def add_baselines(connection: Connection) -> None:
    """Keep the days of a year once more, with nothing else to look through.

    `only_these_rows` has them as they are, `same_bytes` as one value, as the service has them sent.
    """
    connection.execute(
        text(
            "CREATE TABLE only_these_rows AS SELECT start, open, high, low, close, ticks, origin "
            "FROM candles WHERE interval = '1d' AND currency = 'EUR' ORDER BY start DESC"
        )
    )
    connection.execute(
        text(
            "CREATE TABLE same_bytes AS "
            "SELECT 1 AS id, CAST(json_agg(candle) AS text) AS value FROM ("
            "SELECT start, CAST(open AS text), CAST(high AS text), CAST(low AS text), "
            "CAST(close AS text), ticks, origin FROM only_these_rows) AS candle"
        )
    )
    connection.execute(text("ALTER TABLE same_bytes ADD PRIMARY KEY (id)"))
    for table in ("only_these_rows", "same_bytes"):
        connection.execute(text(f"GRANT SELECT ON {table} TO price_service"))


def candles() -> Iterator[str]:
    """Yield a random walk, a row for each currency and slot."""
    random = Random(1)  # noqa: S311 - made-up prices, no secret
    price = 4000.0
    for number in range(SLOTS):
        start = (YEAR_AGO + number * SLOT).isoformat()
        opened, price = price, price * (1 + random.gauss(0, 0.0006))
        for currency, rate in PER_USD.items():
            first, last = opened * rate, price * rate
            high, low = max(first, last), min(first, last)
            yield f"{currency},5m,{start},{first:.4f},{high:.4f},{low:.4f},{last:.4f},1,live\n"


def copy(connection: Connection, table: str, rows: Iterator[str]) -> None:
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.cursor().execute(
        f"COPY {table} FROM STDIN WITH (FORMAT csv)", stream=StringIO("".join(rows))
    )


def measure_candles(admin: Engine) -> tuple[dict[str, list[float]], dict[str, Any]]:
    """Compare the days of a year with one row, and with what their transfer alone costs."""
    from price_service.bootstrap import services

    day = Interval.DAY.start_of(NOW)
    since = NOW - timedelta(days=DAYS)

    def days_of_a_year() -> int:
        with services().unit_of_work.begin() as tx:
            found = tx.repository.candles(
                Currency.EUR, Interval.DAY, since=since, until=NOW, limit=2_016
            )
        return len(found)

    def select(statement: str, **values: object) -> Run:
        def run() -> None:
            with services().unit_of_work.begin() as tx:
                tx.connection.execute(text(statement), values).all()

        return run

    one = (
        "SELECT start, open, high, low, close, ticks, origin FROM candles "
        "WHERE currency = :currency AND interval = :interval AND start = :start"
    )
    took = microseconds(
        ROUNDS,
        WARM_UP,
        {
            "one candle": select(one, currency="EUR", interval="1d", start=day),
            "one row of as many bytes": select("SELECT value FROM same_bytes WHERE id = 1"),
            "the same rows and no others": select("SELECT * FROM only_these_rows"),
            "the days of a year": days_of_a_year,
        },
    )
    median = {name: statistics.median(times) for name, times in took.items()}
    asked = median["the days of a year"]
    compared = {
        "days": days_of_a_year(),
        "bytes": scalar(admin, "SELECT length(value) FROM same_bytes"),
        "to_the_transfer_of_as_many_rows": round(asked / median["the same rows and no others"], 2),
        "to_one_row_of_as_many_bytes": round(asked / median["one row of as many bytes"], 2),
        "server_ms_days_of_a_year": explain(admin, since),
        "server_ms_one_candle": explain(admin, day),
    }
    show(took)
    for name, figure in compared.items():
        print(f"  {name}: {figure}")
    return took, compared


def explain(admin: Engine, since: datetime) -> float:
    """Return what PostgreSQL itself needs for the candles since then, in milliseconds."""
    plan = (
        "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT start, open, high, low, close, ticks, "
        "origin FROM candles WHERE currency = 'EUR' AND interval = '1d' AND start >= :since "
        "ORDER BY start DESC LIMIT 2016"
    )
    times = []
    with admin.connect() as connection:
        for _ in range(20):
            [found] = connection.execute(text(plan), {"since": since}).scalar_one()
            times.append(found["Planning Time"] + found["Execution Time"])
    return round(statistics.median(times), 3)


def scalar(admin: Engine, statement: str) -> Any:
    with admin.connect() as connection:
        return connection.execute(text(statement)).scalar_one()


def measure_requests() -> dict[str, list[float]]:
    """Time whole requests, from the event of API Gateway to the answer."""
    from price_service.bootstrap import services

    redis = services().redis.client

    def forgotten(name: str, **query: str) -> Run:
        run = get(f"/price/{name}", **query)

        def forget_and_run() -> None:
            for key in redis.scan_iter(f"price:{name}*"):
                redis.delete(key)
            run()

        return forget_and_run

    since = (NOW - timedelta(days=DAYS)).isoformat()
    week = (NOW - 2_000 * SLOT).isoformat()
    took = microseconds(
        ROUNDS,
        WARM_UP,
        {
            "current": get("/price/current", currency="EUR"),
            "current, nothing in Redis": forgotten("current", currency="EUR"),
            "history": get("/price/history", currency="EUR"),
            "history, nothing in Redis": forgotten("history", currency="EUR"),
            "candles, one": get("/price/candles", interval="1d", **{"from": day_start()}),
            "candles, days of a year": get("/price/candles", interval="1d", **{"from": since}),
            "candles, five minutes of a week": get(
                "/price/candles", interval="5m", **{"from": week}
            ),
            "analytics of a year": get("/price/analytics", window="1y"),
            "analytics of a year, nothing in Redis": forgotten("analytics", window="1y"),
            "status": get("/price/status"),
        },
    )
    show(took)
    return took


def day_start() -> str:
    return Interval.DAY.start_of(NOW).isoformat()


def get(path: str, **query: str) -> Run:
    from price_service.handlers import api

    event = {
        "httpMethod": "GET",
        "path": path,
        "resource": path,
        "headers": {},
        "queryStringParameters": query or None,
        "body": None,
        "isBase64Encoded": False,
        "requestContext": {"requestId": "bench", "identity": {"sourceIp": "192.0.2.1"}},
    }

    def run() -> None:
        answer = api.lambda_handler(event, Context())  # type: ignore[arg-type]
        if answer["statusCode"] != 200:
            raise RuntimeError(f"{path}: {answer['body']}")

    return run


def show(took: dict[str, list[float]]) -> None:
    for name, times in took.items():
        figures = summary(times)
        print(
            f"  {name}: median {figures['median_us']:,} µs, p99 {figures['p99_us']:,} µs, "
            f"at best {figures['min_us']:,} µs"
        )


if __name__ == "__main__":
    main()
