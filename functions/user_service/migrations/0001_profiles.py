"""Profiles, preferences and account settings, one row each per user, and the inbox."""

from alembic import op

from goldalert.messaging.tables import CREATE_INBOX

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE profiles (
            id uuid PRIMARY KEY,
            user_id uuid NOT NULL UNIQUE,
            name text,
            avatar text,
            bio text,
            locale text NOT NULL DEFAULT 'en',
            timezone text NOT NULL DEFAULT 'UTC'
        )
        """
    )
    op.execute(
        """
        CREATE TABLE preferences (
            id uuid PRIMARY KEY,
            user_id uuid NOT NULL UNIQUE,
            notifications boolean NOT NULL DEFAULT true,
            theme text NOT NULL DEFAULT 'system',
            currency text NOT NULL DEFAULT 'USD',
            unit text NOT NULL DEFAULT 'troy_ounce'
        )
        """
    )
    op.execute(
        """
        CREATE TABLE account_settings (
            id uuid PRIMARY KEY,
            user_id uuid NOT NULL UNIQUE,
            privacy text NOT NULL DEFAULT 'private',
            two_factor_enabled boolean NOT NULL DEFAULT false
        )
        """
    )
    op.execute(CREATE_INBOX)
