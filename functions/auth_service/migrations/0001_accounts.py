"""Users, sessions and their refresh tokens, one-time tokens, and the outbox.

The order of columns follows the queries; every token is stored as a hash.
"""

from alembic import op

from goldalert.messaging.tables import CREATE_OUTBOX

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE users (
            id uuid PRIMARY KEY,
            email text NOT NULL UNIQUE,
            password_hash text NOT NULL,
            role text NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'admin')),
            session_version integer NOT NULL DEFAULT 1,
            disabled boolean NOT NULL DEFAULT false,
            verified_at timestamptz,
            created_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute(
        """
        CREATE TABLE sessions (
            id uuid PRIMARY KEY,
            user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
            generation integer NOT NULL DEFAULT 1,
            rotated_at timestamptz,
            expires_at timestamptz NOT NULL,
            revoked_at timestamptz,
            created_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute("CREATE INDEX sessions_user_id ON sessions (user_id)")
    # every token of a session stays, so that any of them is known when it comes a second time
    op.execute(
        """
        CREATE TABLE refresh_tokens (
            hash text PRIMARY KEY,
            session_id uuid NOT NULL REFERENCES sessions ON DELETE CASCADE,
            generation integer NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    op.execute("CREATE INDEX refresh_tokens_session_id ON refresh_tokens (session_id)")
    op.execute(
        """
        CREATE TABLE tokens (
            id uuid PRIMARY KEY,
            user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
            type text NOT NULL CHECK (type IN ('verify_email')),
            value text NOT NULL UNIQUE,
            expires_at timestamptz NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX tokens_user_id ON tokens (user_id)")
    op.execute(CREATE_OUTBOX)
