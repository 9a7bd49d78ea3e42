"""Recipients, the ledger of mails with their items and evidence, and templates with their seed."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

from goldalert.ids import new_id
from goldalert.messaging.tables import CREATE_INBOX, CREATE_OUTBOX

revision = "0001"
down_revision = None

_MAILS = Path(__file__).parent / "mails"


def upgrade() -> None:
    op.execute(CREATE_OUTBOX)
    op.execute(CREATE_INBOX)
    op.execute(
        """
        CREATE TABLE recipients (
            user_id uuid PRIMARY KEY,
            email text NOT NULL,
            name text,
            verified boolean NOT NULL DEFAULT false,
            suppressed boolean NOT NULL DEFAULT false,
            created_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    # user_id refers to no recipient: an alert may be heard of before its user
    op.execute(
        """
        CREATE TABLE mails (
            id uuid PRIMARY KEY,
            user_id uuid NOT NULL,
            kind text NOT NULL CHECK (kind IN ('welcome', 'alert')),
            dedupe_key text NOT NULL,
            generation integer NOT NULL DEFAULT 1,
            status text NOT NULL CHECK (status IN (
                'queued', 'held', 'sending', 'sent', 'delivered',
                'bounced', 'complained', 'suppressed', 'failed')),
            correlation_id text NOT NULL,
            sealed_token text,
            tick jsonb,
            announced_at timestamptz NOT NULL DEFAULT now(),
            attempts integer NOT NULL DEFAULT 0,
            attempted_at timestamptz,
            leased_until timestamptz,
            possible_duplicates integer NOT NULL DEFAULT 0,
            recipient text,
            subject text,
            ses_message_id text,
            failure text,
            sent_at timestamptz,
            created_at timestamptz NOT NULL DEFAULT now(),
            UNIQUE (dedupe_key, generation)
        )
        """
    )
    op.execute("CREATE INDEX mails_user_id ON mails (user_id, id)")
    op.execute(
        "CREATE INDEX mails_unsent ON mails (status, user_id) "
        "WHERE status IN ('queued', 'held', 'sending')"
    )
    op.execute(
        """
        CREATE TABLE mail_items (
            trigger_id uuid PRIMARY KEY,
            mail_id uuid NOT NULL REFERENCES mails ON DELETE CASCADE,
            alert_id uuid NOT NULL,
            direction text NOT NULL CHECK (direction IN ('up', 'down')),
            threshold numeric NOT NULL,
            price numeric NOT NULL,
            currency text NOT NULL,
            unit text NOT NULL,
            karat smallint NOT NULL,
            note text
        )
        """
    )
    op.execute("CREATE INDEX mail_items_mail_id ON mail_items (mail_id)")
    op.execute(
        """
        CREATE TABLE mail_evidence (
            mail_id uuid NOT NULL REFERENCES mails ON DELETE CASCADE,
            ses_message_id text NOT NULL,
            type text NOT NULL CHECK (type IN (
                'send', 'delivery', 'bounce', 'complaint', 'reject')),
            permanent boolean NOT NULL,
            occurred_at timestamptz NOT NULL,
            PRIMARY KEY (mail_id, ses_message_id, type, permanent)
        )
        """
    )
    # what people ask for is the ledger itself, without what only the sending needs
    op.execute(
        """
        CREATE VIEW email_logs AS
        SELECT m.id, m.user_id, COALESCE(m.recipient, r.email) AS recipient, m.kind, m.subject,
               m.status, m.failure, m.sent_at, m.created_at
        FROM mails m LEFT JOIN recipients r USING (user_id)
        """
    )
    op.execute(
        """
        CREATE TABLE email_templates (
            id uuid PRIMARY KEY,
            name text NOT NULL,
            locale text NOT NULL,
            subject text NOT NULL,
            text text NOT NULL,
            html text NOT NULL,
            updated_at timestamptz NOT NULL DEFAULT now(),
            UNIQUE (name, locale)
        )
        """
    )
    for folder in sorted(_MAILS.iterdir()):
        op.get_bind().execute(
            text(
                "INSERT INTO email_templates (id, name, locale, subject, text, html) "
                "VALUES (:id, :name, 'en', :subject, :text, :html)"
            ),
            {
                "id": new_id(),
                "name": folder.name,
                "subject": (folder / "subject.txt").read_text(encoding="utf-8").strip(),
                "text": (folder / "body.txt").read_text(encoding="utf-8"),
                "html": (folder / "body.html").read_text(encoding="utf-8"),
            },
        )
