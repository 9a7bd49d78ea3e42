"""Alerts, their armed levels, the ticks and how far each series has been brought by them."""

from alembic import op

from goldalert.http.idempotency import CREATE_IDEMPOTENCY_KEYS
from goldalert.messaging.tables import CREATE_INBOX, CREATE_OUTBOX

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE alerts (
            id uuid PRIMARY KEY,
            user_id uuid NOT NULL,
            alert_type text NOT NULL CHECK (alert_type IN ('above', 'below')),
            threshold numeric NOT NULL CHECK (threshold > 0),
            currency text NOT NULL,
            unit text NOT NULL,
            karat smallint NOT NULL,
            if_already_true text NOT NULL CHECK (if_already_true IN ('fire', 'wait', 'reject')),
            expires_at timestamptz,
            note text,
            channels text[] NOT NULL,
            state text NOT NULL CHECK (state IN ('armed', 'triggered', 'expired')),
            active boolean GENERATED ALWAYS AS (state = 'armed') STORED,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            triggered_at timestamptz
        )
        """
    )
    op.execute("CREATE INDEX alerts_user_id ON alerts (user_id, id)")

    # The armed levels, and nothing else: a tick reads the range of them that it crosses.
    # armed_after: the last tick that must not claim the level, since the alert was set knowing it.
    op.execute(
        """
        CREATE TABLE thresholds (
            alert_id uuid NOT NULL REFERENCES alerts ON DELETE CASCADE,
            user_id uuid NOT NULL,
            level numeric(28,12) NOT NULL,
            armed_after bigint NOT NULL,
            series text COLLATE "C" NOT NULL,
            direction text COLLATE "C" NOT NULL CHECK (direction IN ('up', 'down')),
            kind text COLLATE "C" NOT NULL CHECK (kind IN ('condition', 'first_price')),
            PRIMARY KEY (alert_id, direction, kind)
        )
        """
    )
    op.execute("CREATE INDEX thresholds_level ON thresholds (series, direction, level)")

    # price is p0, moved only by ticks that may trigger; pending_price is p1 of the next tick,
    # applied_sequence + 1, from before its first level is claimed until its last one is.
    op.execute(
        """
        CREATE TABLE series (
            name text COLLATE "C" PRIMARY KEY,
            price numeric(28,12),
            price_sequence bigint,
            applied_sequence bigint NOT NULL,
            pending_price numeric(28,12),
            leased_by uuid,
            leased_until timestamptz
        )
        """
    )
    # series_values: by series, as decimals in strings
    op.execute(
        """
        CREATE TABLE ticks (
            sequence bigint PRIMARY KEY,
            tick_id uuid NOT NULL UNIQUE,
            series_values jsonb NOT NULL,
            facts jsonb NOT NULL,
            correlation_id text NOT NULL,
            stored_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute(
        """
        CREATE TABLE skipped_ticks (
            series text NOT NULL,
            first_sequence bigint NOT NULL,
            last_sequence bigint NOT NULL,
            skipped_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (series, first_sequence)
        )
        """
    )

    # The rule is copied: an entry explains its trigger even when the alert is edited later.
    op.execute(
        """
        CREATE TABLE alert_history (
            id uuid PRIMARY KEY,
            alert_id uuid NOT NULL REFERENCES alerts ON DELETE CASCADE,
            user_id uuid NOT NULL,
            tick_id uuid NOT NULL,
            triggered_at timestamptz NOT NULL,
            value numeric NOT NULL,
            price_before numeric(28,12),
            price_after numeric(28,12) NOT NULL,
            alert_type text NOT NULL,
            threshold numeric NOT NULL,
            currency text NOT NULL,
            unit text NOT NULL,
            karat smallint NOT NULL,
            UNIQUE (alert_id, tick_id)
        )
        """
    )
    op.execute("CREATE INDEX alert_history_user_id ON alert_history (user_id, id)")
    op.execute(CREATE_OUTBOX)
    op.execute(CREATE_INBOX)
    op.execute(CREATE_IDEMPOTENCY_KEYS)
