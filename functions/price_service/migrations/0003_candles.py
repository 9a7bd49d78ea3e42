"""Candles of five lengths, filled from the ticks that are there, and what keeps them small.

Those of five minutes are by far the most, and the only ones in partitions: one for each month, and
`candles_5m_other` for months that have none. The application cannot alter tables, so that it makes
and drops them through a function of the tables' owner.
"""

from alembic import op
from sqlalchemy import text

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE candles (
            currency text NOT NULL,
            interval text NOT NULL CHECK (interval IN ('5m', '1h', '1d', '1w', '1mo')),
            start timestamptz NOT NULL,
            open numeric(28, 12) NOT NULL,
            high numeric(28, 12) NOT NULL,
            low numeric(28, 12) NOT NULL,
            close numeric(28, 12) NOT NULL,
            ticks integer NOT NULL,
            origin text NOT NULL CHECK (origin IN ('live', 'replay', 'simulator')),
            PRIMARY KEY (currency, interval, start)
        ) PARTITION BY LIST (interval)
        """
    )
    op.execute(
        "CREATE TABLE candles_5m PARTITION OF candles FOR VALUES IN ('5m') "
        "PARTITION BY RANGE (start)"
    )
    op.execute("CREATE TABLE candles_5m_other PARTITION OF candles_5m DEFAULT")
    op.execute(
        "CREATE TABLE candles_longer PARTITION OF candles FOR VALUES IN ('1h', '1d', '1w', '1mo')"
    )
    # SECURITY DEFINER: it runs as its owner, so that it must find nothing in a schema that its
    # caller can put things into. Who reads a partition makes it wait; it must not keep the next
    # tick waiting meanwhile, and comes again in an hour.
    op.execute(
        """
        CREATE FUNCTION keep_candle_partitions(kept_days integer) RETURNS void
        LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = pg_catalog, pg_temp
        SET timezone = 'UTC'
        SET lock_timeout = '2s'
        AS $$
        DECLARE
            newest timestamptz := coalesce((SELECT max(timestamp) FROM public.prices), now());
            oldest timestamptz := date_trunc('month', newest - make_interval(days => kept_days));
            month timestamptz;
            name text;
        BEGIN
            PERFORM pg_advisory_xact_lock(hashtext('keep_candle_partitions'));
            FOR month IN
                SELECT generate_series(oldest, newest + interval '3 months', interval '1 month')
            LOOP
                name := 'candles_5m_' || to_char(month, 'YYYYMM');
                -- candles that came before their partition keep it from being made
                CONTINUE WHEN to_regclass('public.' || name) IS NOT NULL OR EXISTS (
                    SELECT FROM public.candles_5m_other
                    WHERE start >= month AND start < month + interval '1 month'
                );
                EXECUTE format(
                    'CREATE TABLE public.%I PARTITION OF public.candles_5m '
                    'FOR VALUES FROM (%L) TO (%L)',
                    name, month, month + interval '1 month'
                );
            END LOOP;
            FOR name IN
                SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
                WHERE inhparent = CAST('public.candles_5m' AS regclass)
                AND relname < 'candles_5m_' || to_char(oldest, 'YYYYMM')
            LOOP
                EXECUTE format('DROP TABLE public.%I', name);
            END LOOP;
        END
        $$
        """
    )
    op.execute("REVOKE ALL ON FUNCTION keep_candle_partitions FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION keep_candle_partitions TO price_service")
    op.execute("SELECT keep_candle_partitions(400)")
    _fill()


def _fill() -> None:
    """Make candles of the ticks that are there: a month at a time, and longer ones of shorter."""
    connection = op.get_bind()
    months = connection.execute(
        text("SELECT DISTINCT date_trunc('month', timestamp, 'UTC') FROM prices")
    )
    for month in months.scalars():
        connection.execute(
            text(
                """
                INSERT INTO candles
                SELECT c.currency, '5m',
                    date_bin('5 minutes', p.timestamp, '2001-01-01T00:00:00Z') AS begun,
                    (array_agg(c.price ORDER BY p.timestamp))[1], max(c.price), min(c.price),
                    (array_agg(c.price ORDER BY p.timestamp DESC))[1], count(*), max(p.origin)
                FROM prices p
                CROSS JOIN LATERAL (
                    SELECT 'USD', p.price
                    UNION ALL
                    SELECT key, round(p.price * CAST(value ->> 'per_usd' AS numeric), 12)
                    FROM jsonb_each(p.exchange_rates) WHERE key <> 'USD'
                ) AS c(currency, price)
                WHERE p.state IN ('fresh', 'reduced')
                AND date_trunc('month', p.timestamp, 'UTC') = :month
                GROUP BY c.currency, begun
                """
            ),
            {"month": month},
        )
    for interval, shorter, unit in (
        ("1h", "5m", "hour"),
        ("1d", "1h", "day"),
        ("1w", "1d", "week"),
        ("1mo", "1d", "month"),
    ):
        connection.execute(
            text(
                """
                INSERT INTO candles
                SELECT currency, :interval, date_trunc(:unit, start, 'UTC') AS begun,
                    (array_agg(open ORDER BY start))[1], max(high), min(low),
                    (array_agg(close ORDER BY start DESC))[1], sum(ticks), max(origin)
                FROM candles WHERE interval = :shorter GROUP BY currency, begun
                """
            ),
            {"interval": interval, "shorter": shorter, "unit": unit},
        )
