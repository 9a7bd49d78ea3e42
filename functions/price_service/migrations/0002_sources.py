"""Sources that want a key or are set up by admins, and how every source has done lately."""

from alembic import op

from goldalert.http.idempotency import CREATE_IDEMPOTENCY_KEYS

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("ALTER TABLE exchanges DROP CONSTRAINT exchanges_adapter_check")
    op.execute(
        """
        ALTER TABLE exchanges ADD CONSTRAINT exchanges_adapter_check CHECK (
            adapter IN ('gold_api_com', 'swissquote', 'coinbase', 'goldapi_io', 'metals_dev',
                        'metalpriceapi', 'frankfurter', 'ecb')
        )
        """
    )
    op.execute(
        """
        INSERT INTO exchanges (id, name, region, api_url, adapter, upstream, priority) VALUES
        ('01990000-0000-7000-8000-000000000006', 'goldapi.io', 'worldwide',
         'https://www.goldapi.io', 'goldapi_io', 'forex.com', 6),
        ('01990000-0000-7000-8000-000000000007', 'metals.dev', 'worldwide',
         'https://api.metals.dev', 'metals_dev', 'metals.dev', 7),
        ('01990000-0000-7000-8000-000000000008', 'metalpriceapi.com', 'worldwide',
         'https://api.metalpriceapi.com', 'metalpriceapi', 'metalpriceapi.com', 8)
        """
    )
    op.execute(
        """
        CREATE TABLE source_health (
            source text PRIMARY KEY REFERENCES exchanges (name)
                ON UPDATE CASCADE ON DELETE CASCADE,
            reason text NOT NULL,
            failures integer NOT NULL,
            outside integer NOT NULL,
            clean integer NOT NULL,
            quarantined_since timestamptz,
            last_quote_at timestamptz
        )
        """
    )
    # a second row for the same quotes would be a second vote
    op.execute("CREATE UNIQUE INDEX exchanges_adapter_api_url ON exchanges (adapter, api_url)")
    op.execute(CREATE_IDEMPOTENCY_KEYS)
