"""Every condition, as levels on series; one row of levels for each alert that waits for a tick."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE alerts
            DROP CONSTRAINT alerts_alert_type_check,
            DROP CONSTRAINT alerts_threshold_check,
            DROP CONSTRAINT alerts_state_check,
            DROP COLUMN active,
            ALTER COLUMN threshold DROP NOT NULL,
            ADD COLUMN upper numeric,
            ADD COLUMN "window" text,
            ADD COLUMN trail_percent numeric,
            ADD COLUMN period smallint,
            ADD COLUMN repeat text NOT NULL DEFAULT 'once' CHECK (repeat IN ('once', 'every')),
            ADD COLUMN cooldown_minutes integer NOT NULL DEFAULT 0,
            ADD COLUMN hysteresis_percent numeric NOT NULL DEFAULT 0,
            ADD COLUMN version integer NOT NULL DEFAULT 1,
            ADD COLUMN due_at timestamptz,
            ADD COLUMN peak_since bigint,
            ADD CONSTRAINT alerts_alert_type_check CHECK (alert_type IN (
                'above', 'below', 'crosses_up', 'crosses_down', 'crosses', 'percent_change',
                'range_enter', 'range_exit', 'trailing', 'sma_cross'
            )),
            ADD CONSTRAINT alerts_state_check CHECK (state IN (
                'armed', 'cooling', 'paused', 'snoozed', 'triggered', 'expired'
            )),
            ADD COLUMN active boolean
                GENERATED ALWAYS AS (state IN ('armed', 'cooling', 'snoozed')) STORED
        """
    )
    for column in ("repeat", "cooldown_minutes", "hysteresis_percent", "version"):
        op.execute(f"ALTER TABLE alerts ALTER COLUMN {column} DROP DEFAULT")
    # the ends of snoozes and cooldowns; no index has the state, so that a trigger touches none
    op.execute("CREATE INDEX alerts_due_at ON alerts (due_at) WHERE due_at IS NOT NULL")

    # One row for each alert, so that a tick claims it once, whatever it crosses of it. A rising
    # series claims level_up, a falling one level_down.
    op.execute(
        """
        ALTER TABLE thresholds
            ADD COLUMN level_up numeric(28,12),
            ADD COLUMN level_down numeric(28,12),
            ADD COLUMN expires_at timestamptz,
            DROP CONSTRAINT thresholds_kind_check
        """
    )
    # once: to reach the level is all there is to it, and nothing has to be judged
    op.execute("UPDATE thresholds SET kind = 'once' WHERE kind = 'condition'")
    op.execute(
        "UPDATE thresholds t SET expires_at = a.expires_at FROM alerts a WHERE a.id = t.alert_id"
    )
    op.execute(
        "UPDATE thresholds SET level_up = CASE direction WHEN 'up' THEN level END, "
        "level_down = CASE direction WHEN 'down' THEN level END"
    )
    op.execute(
        """
        ALTER TABLE thresholds
            DROP COLUMN direction,
            DROP COLUMN level,
            DROP COLUMN user_id,
            ADD PRIMARY KEY (alert_id),
            ADD CHECK (kind IN ('once', 'condition', 'first_price', 'rearm')),
            ADD CHECK (level_up IS NOT NULL OR level_down IS NOT NULL)
        """
    )
    op.execute(
        "CREATE INDEX thresholds_expires_at ON thresholds (expires_at) WHERE expires_at IS NOT NULL"
    )
    for direction in ("up", "down"):
        op.execute(
            f"CREATE INDEX thresholds_level_{direction} ON thresholds (series, level_{direction}) "
            f"WHERE level_{direction} IS NOT NULL"
        )

    # reference: what the value is measured against (a price of the past, a mean, a peak)
    op.execute("ALTER TABLE series RENAME price TO value")
    op.execute("ALTER TABLE series RENAME price_sequence TO value_sequence")
    op.execute("ALTER TABLE series RENAME pending_price TO pending_value")
    op.execute(
        """
        ALTER TABLE series
            ADD COLUMN reference numeric(28,12),
            ADD COLUMN reference_sequence bigint,
            ADD COLUMN pending_reference numeric(28,12),
            ADD COLUMN pending_reference_sequence bigint
        """
    )

    # prices: by currency, as decimals in strings; rates: likewise, units for a dollar
    op.execute("ALTER TABLE ticks RENAME series_values TO prices")
    op.execute(
        """
        ALTER TABLE ticks
            ADD COLUMN slot timestamptz,
            ADD COLUMN may_trigger boolean,
            ADD COLUMN rates jsonb NOT NULL DEFAULT '{}'
        """
    )
    op.execute(
        """
        UPDATE ticks SET
            slot = CAST(facts ->> 'slot' AS timestamptz),
            may_trigger = facts ->> 'state' IN ('fresh', 'reduced'),
            prices = (
                SELECT coalesce(jsonb_object_agg(split_part(key, ':', 2), value), '{}')
                FROM jsonb_each(prices)
            )
        """
    )
    op.execute(
        """
        ALTER TABLE ticks
            ALTER COLUMN slot SET NOT NULL,
            ALTER COLUMN may_trigger SET NOT NULL,
            ALTER COLUMN rates DROP DEFAULT
        """
    )
    op.execute("CREATE INDEX ticks_slot ON ticks (slot, sequence) WHERE may_trigger")
    op.execute("CREATE INDEX ticks_may_trigger ON ticks (sequence) WHERE may_trigger")

    # value_before and value_after are the values of the alert's series; sequence_before is the
    # tick of the first, null when the alert fired without a move
    op.execute("ALTER TABLE alert_history RENAME price_before TO value_before")
    op.execute("ALTER TABLE alert_history RENAME price_after TO value_after")
    op.execute(
        """
        ALTER TABLE alert_history
            ALTER COLUMN threshold DROP NOT NULL,
            ADD COLUMN upper numeric,
            ADD COLUMN "window" text,
            ADD COLUMN trail_percent numeric,
            ADD COLUMN period smallint,
            ADD COLUMN version integer NOT NULL DEFAULT 1,
            ADD COLUMN sequence_before bigint,
            ADD COLUMN reference numeric(28,12),
            ADD COLUMN reference_sequence bigint
        """
    )
    op.execute("ALTER TABLE alert_history ALTER COLUMN version DROP DEFAULT")

    # What thousands of triggers at once pay for each: one index less, no check of an alert that was
    # locked a moment ago, and room on the alert's page, so that no index of it is touched.
    op.execute(
        """
        ALTER TABLE alert_history
            DROP CONSTRAINT alert_history_alert_id_fkey,
            DROP CONSTRAINT alert_history_pkey
        """
    )
    op.execute("DROP INDEX alert_history_user_id")
    op.execute("ALTER TABLE alert_history ADD PRIMARY KEY (user_id, id)")
    op.execute("ALTER TABLE alerts SET (fillfactor = 85)")
