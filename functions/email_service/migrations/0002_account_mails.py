"""Mails about the account, what recipients like, and what is left of those who were erased."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

from goldalert.ids import new_id
from goldalert.messaging.erasure import CREATE_ERASED_USERS

revision = "0002"
down_revision = "0001"

_MAILS = Path(__file__).parent / "mails"


def upgrade() -> None:
    op.execute(CREATE_ERASED_USERS)
    # preferences may come before the registration: until then the address is not known
    op.execute(
        """
        ALTER TABLE recipients
            ALTER COLUMN email DROP NOT NULL,
            ADD COLUMN preferences_version bigint NOT NULL DEFAULT 0,
            ADD COLUMN locale text NOT NULL DEFAULT 'en',
            ADD COLUMN timezone text NOT NULL DEFAULT 'UTC',
            ADD COLUMN notifications boolean NOT NULL DEFAULT true,
            ADD COLUMN quiet_start time,
            ADD COLUMN quiet_end time,
            ADD COLUMN digest text NOT NULL DEFAULT 'off'
                CHECK (digest IN ('off', 'daily', 'weekly'))
        """
    )
    # NOT VALID: what is there meets the narrower check of before, and needs no look under a lock
    op.execute(
        """
        ALTER TABLE mails
            DROP CONSTRAINT mails_kind_check,
            ADD CONSTRAINT mails_kind_check CHECK (kind IN (
                'welcome', 'verification', 'password_reset', 'registered_again', 'alert')) NOT VALID
        """
    )
    op.execute(
        """
        CREATE TABLE suppressed_addresses (
            address_hash bytea PRIMARY KEY,
            created_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    for name in ("verification", "password_reset", "registered_again"):
        folder = _MAILS / name
        # a new database has it from 0001, which takes every mail that it finds
        op.get_bind().execute(
            text(
                "INSERT INTO email_templates (id, name, locale, subject, text, html) "
                "VALUES (:id, :name, 'en', :subject, :text, :html) ON CONFLICT DO NOTHING"
            ),
            {
                "id": new_id(),
                "name": name,
                "subject": (folder / "subject.txt").read_text(encoding="utf-8").strip(),
                "text": (folder / "body.txt").read_text(encoding="utf-8"),
                "html": (folder / "body.html").read_text(encoding="utf-8"),
            },
        )
