"""Reset links, where users come from, the second factor, and indexes that find what is old."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE tokens
            DROP CONSTRAINT tokens_type_check,
            ADD CONSTRAINT tokens_type_check CHECK (type IN ('verify_email', 'reset_password'))
        """
    )
    op.execute("ALTER TABLE sessions ADD COLUMN device text, ADD COLUMN network text")
    op.execute(
        """
        CREATE TABLE known_networks (
            user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
            network text NOT NULL,
            seen_at timestamptz NOT NULL,
            PRIMARY KEY (user_id, network)
        )
        """
    )
    # the secret is sealed by the application; `enabled_at` is null until a first code was right,
    # `last_step` is the newest time step that a code was taken of
    op.execute(
        """
        CREATE TABLE two_factor (
            user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
            sealed_secret text NOT NULL,
            enabled_at timestamptz,
            last_step bigint NOT NULL DEFAULT 0
        )
        """
    )
    op.execute(
        """
        CREATE TABLE recovery_codes (
            user_id uuid NOT NULL REFERENCES two_factor ON DELETE CASCADE,
            hash text NOT NULL,
            PRIMARY KEY (user_id, hash)
        )
        """
    )
    op.execute("CREATE INDEX sessions_ended_at ON sessions (LEAST(expires_at, revoked_at))")
    op.execute("CREATE INDEX tokens_expires_at ON tokens (expires_at)")
    op.execute("CREATE INDEX known_networks_seen_at ON known_networks (seen_at)")
