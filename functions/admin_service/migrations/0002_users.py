"""The audit entries of one user: what they did, what was done to them, and their alerts."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute("CREATE INDEX audit_logs_target ON audit_logs (target, id)")
    op.execute(
        "CREATE INDEX audit_logs_admin_id ON audit_logs (admin_id, id) WHERE admin_id IS NOT NULL"
    )
    op.execute(
        "CREATE INDEX audit_logs_owner ON audit_logs ((data ->> 'user_id'), id) "
        "WHERE data ->> 'user_id' IS NOT NULL"
    )
