"""Whose an entry is, so that it can be exported and erased; tombstones, and the outbox."""

from alembic import op

from goldalert.messaging.erasure import CREATE_ERASED_USERS
from goldalert.messaging.tables import CREATE_OUTBOX

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # whose the older entries are is not known: no erasure would find the ids in them; this takes
    # long, and comes before what locks the whole table
    op.execute(
        "UPDATE application_logs SET data = data - ARRAY['alert_ids', 'trigger_ids', 'mail_id'] "
        "WHERE event_type IN ('alert_triggered', 'email_sent', 'email_failed')"
    )
    op.execute("ALTER TABLE application_logs ADD COLUMN user_id uuid")
    op.execute(
        "CREATE INDEX application_logs_user_id ON application_logs (user_id, id) "
        "WHERE user_id IS NOT NULL"
    )
    op.execute(CREATE_ERASED_USERS)
    op.execute(CREATE_OUTBOX)
