"""What is old is found by its time, without reading what is not."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("CREATE INDEX sessions_ended_at ON sessions (LEAST(expires_at, revoked_at))")
    op.execute("CREATE INDEX tokens_expires_at ON tokens (expires_at)")
