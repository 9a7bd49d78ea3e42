"""The master switch, the outbox and the tombstones of users who were erased."""

from alembic import op

from goldalert.messaging.erasure import CREATE_ERASED_USERS
from goldalert.messaging.tables import CREATE_OUTBOX

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute(CREATE_OUTBOX)
    op.execute(CREATE_ERASED_USERS)
    # `notifications` is the master switch, of the preferences of that version of the user service
    op.execute(
        """
        ALTER TABLE notification_preferences
            ADD COLUMN notifications boolean NOT NULL DEFAULT true,
            ADD COLUMN preferences_version bigint NOT NULL DEFAULT 0
        """
    )
