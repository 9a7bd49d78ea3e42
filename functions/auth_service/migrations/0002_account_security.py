"""Reset links, where a session is used, and the second factor."""

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
