"""Quiet hours, digests, versions that order what other services are told, and erasure."""

from alembic import op

from goldalert.messaging.erasure import CREATE_ERASED_USERS
from goldalert.messaging.tables import CREATE_OUTBOX

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # events carry names of one line; so far a profile took others
    op.execute(
        r"""
        UPDATE profiles
        SET name = nullif(
            btrim(left(regexp_replace(name, '[\u0001-\u001f\u007f-\u009f\u2028\u2029]+', ' ', 'g'),
                100)),
            '')
        WHERE name ~ '[\u0001-\u001f\u007f-\u009f\u2028\u2029]'
        """
    )
    op.execute(
        """
        ALTER TABLE preferences
            ADD COLUMN quiet_hours jsonb,
            ADD COLUMN digest text NOT NULL DEFAULT 'off',
            ADD COLUMN preferences_version bigint NOT NULL DEFAULT 1
        """
    )
    # the auth service alone knows whether there is a second factor; nothing has read this copy
    op.execute("ALTER TABLE account_settings DROP COLUMN two_factor_enabled")
    op.execute(CREATE_OUTBOX)
    op.execute(CREATE_ERASED_USERS)
