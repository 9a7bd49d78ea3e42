"""Ticks, the history of the price, where prices come from, exchange rates, and the outbox.

A row of `prices` is one tick; `gold_weight` is in grams, and `price` is for that weight. The
quotes and the exchange rates that it was made of are kept with it, as its provenance.
"""

from alembic import op

from goldalert.messaging.tables import CREATE_OUTBOX

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE prices (
            id uuid PRIMARY KEY,
            sequence bigint NOT NULL UNIQUE,
            gold_weight numeric NOT NULL DEFAULT 31.1034768,
            currency text NOT NULL DEFAULT 'USD',
            price numeric(28, 12) CHECK (price > 0),
            timestamp timestamptz NOT NULL UNIQUE,
            as_of timestamptz,
            state text NOT NULL
                CHECK (state IN ('fresh', 'reduced', 'held', 'closed', 'unknown', 'stale')),
            reason text NOT NULL,
            origin text NOT NULL CHECK (origin IN ('live', 'replay', 'simulator')),
            candidate numeric(28, 12),
            counted integer NOT NULL,
            agreeing integer NOT NULL,
            spread_bps bigint NOT NULL,
            quotes jsonb NOT NULL,
            exchange_rates jsonb NOT NULL,
            CHECK (state NOT IN ('fresh', 'reduced') OR price IS NOT NULL),
            CHECK ((price IS NULL) = (as_of IS NULL))
        )
        """
    )
    op.execute(
        """
        CREATE TABLE price_history (
            id uuid PRIMARY KEY,
            price_id uuid REFERENCES prices,
            old_value numeric(28, 12),
            new_value numeric(28, 12) NOT NULL,
            changed_at timestamptz NOT NULL,
            source text NOT NULL,
            interval text NOT NULL CHECK (interval IN ('tick', '1mo')),
            UNIQUE (source, interval, changed_at)
        )
        """
    )
    op.execute("CREATE INDEX price_history_changed_at ON price_history (changed_at, id)")
    op.execute("CREATE INDEX price_history_price_id ON price_history (price_id)")
    op.execute(
        """
        CREATE TABLE exchanges (
            id uuid PRIMARY KEY,
            name text NOT NULL UNIQUE,
            region text NOT NULL,
            api_url text NOT NULL,
            adapter text NOT NULL CHECK (
                adapter IN ('gold_api_com', 'swissquote', 'coinbase', 'frankfurter', 'ecb')
            ),
            upstream text NOT NULL,
            priority integer NOT NULL,
            enabled boolean NOT NULL DEFAULT true
        )
        """
    )
    op.execute(
        """
        INSERT INTO exchanges (id, name, region, api_url, adapter, upstream, priority) VALUES
        ('01990000-0000-7000-8000-000000000001', 'swissquote', 'Switzerland',
         'https://forex-data-feed.swissquote.com', 'swissquote', 'swissquote', 1),
        ('01990000-0000-7000-8000-000000000002', 'gold-api.com', 'worldwide',
         'https://api.gold-api.com', 'gold_api_com', 'gold-api.com', 2),
        ('01990000-0000-7000-8000-000000000003', 'coinbase', 'United States',
         'https://api.coinbase.com', 'coinbase', 'coinbase', 3),
        ('01990000-0000-7000-8000-000000000004', 'frankfurter', 'euro area',
         'https://api.frankfurter.dev', 'frankfurter', 'ecb', 4),
        ('01990000-0000-7000-8000-000000000005', 'ecb', 'euro area',
         'https://www.ecb.europa.eu', 'ecb', 'ecb', 5)
        """
    )
    op.execute(
        """
        CREATE TABLE exchange_rates (
            currency text NOT NULL,
            as_of date NOT NULL,
            source text NOT NULL,
            per_usd numeric(28, 12) NOT NULL CHECK (per_usd > 0),
            fetched_at timestamptz NOT NULL,
            PRIMARY KEY (currency, as_of, source)
        )
        """
    )
    op.execute(CREATE_OUTBOX)
