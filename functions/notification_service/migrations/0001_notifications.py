"""Notifications and preferences, and the inbox."""

from alembic import op

from goldalert.messaging.tables import CREATE_INBOX

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(CREATE_INBOX)
    op.execute(
        """
        CREATE TABLE notifications (
            id uuid PRIMARY KEY,
            user_id uuid NOT NULL,
            source_event uuid NOT NULL UNIQUE,
            type text NOT NULL,
            message text NOT NULL,
            data jsonb NOT NULL,
            read_at timestamptz,
            created_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute("CREATE INDEX notifications_user_id ON notifications (user_id, id)")
    op.execute(
        "CREATE INDEX notifications_unread ON notifications (user_id, id) WHERE read_at IS NULL"
    )
    op.execute(
        """
        CREATE TABLE notification_preferences (
            id uuid PRIMARY KEY,
            user_id uuid NOT NULL UNIQUE,
            email boolean NOT NULL DEFAULT true,
            in_app boolean NOT NULL DEFAULT true,
            push boolean NOT NULL DEFAULT true
        )
        """
    )
