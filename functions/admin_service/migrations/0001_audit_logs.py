"""The audit log, the admins and the system configuration, and the inbox."""

from alembic import op

from goldalert.messaging.tables import CREATE_INBOX

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE audit_logs (
            id uuid PRIMARY KEY,
            sequence bigint NOT NULL UNIQUE,
            admin_id uuid,
            action text NOT NULL,
            target text NOT NULL,
            timestamp timestamptz NOT NULL,
            correlation_id text NOT NULL,
            data jsonb NOT NULL,
            hash text NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX audit_logs_action ON audit_logs (action, id)")
    op.execute("CREATE INDEX audit_logs_correlation_id ON audit_logs (correlation_id, id)")
    # append-only: whoever has the service's password can add to it and nothing else
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON audit_logs FROM admin_service")
    op.execute(
        """
        CREATE TABLE admin_users (
            id uuid PRIMARY KEY,
            email text NOT NULL UNIQUE,
            role text NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute(
        """
        CREATE TABLE system_config (
            id uuid PRIMARY KEY,
            key text NOT NULL UNIQUE,
            value jsonb NOT NULL,
            updated_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute(CREATE_INBOX)
