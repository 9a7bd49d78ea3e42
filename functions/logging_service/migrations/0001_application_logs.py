"""The log and its indexes, the metrics, and the inbox."""

from alembic import op

from goldalert.messaging.tables import CREATE_INBOX

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE application_logs (
            id uuid PRIMARY KEY,
            service text NOT NULL,
            level text NOT NULL CHECK (level IN ('debug', 'info', 'warning', 'error', 'fatal')),
            message text NOT NULL,
            event_type text NOT NULL,
            correlation_id text NOT NULL,
            timestamp timestamptz NOT NULL,
            data jsonb NOT NULL
        )
        """
    )
    # ids are in the order of time, and every list is: newest first
    for column in ("service", "level", "correlation_id"):
        op.execute(f"CREATE INDEX application_logs_{column} ON application_logs ({column}, id)")
    op.execute("CREATE INDEX application_logs_timestamp ON application_logs (timestamp)")
    op.execute(
        "CREATE INDEX application_logs_message ON application_logs "
        "USING gin (to_tsvector('simple', message))"
    )
    op.execute(
        """
        CREATE TABLE system_metrics (
            id uuid PRIMARY KEY,
            service text NOT NULL,
            cpu numeric NOT NULL,
            memory numeric NOT NULL,
            timestamp timestamptz NOT NULL
        )
        """
    )
    op.execute(CREATE_INBOX)
