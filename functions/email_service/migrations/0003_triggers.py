"""Mails about every condition: triggers are kept as they came, and the alert mail tells more."""

from pathlib import Path

from alembic import op
from sqlalchemy import text

revision = "0003"
down_revision = "0002"

_ALERT = Path(__file__).parent / "mails" / "alert"

# MD5 of what the parts were before: one that was edited in the database stays as it is
_FORMER = {
    "text": ("body.txt", "5f3a0258635b4aa9246acd259ef7b9f2"),
    "html": ("body.html", "cb9a87ab8a70df4f080ffcce652e6f02"),
}


def upgrade() -> None:
    # locked before they are read: mails are being made meanwhile
    op.execute("LOCK TABLE mail_items IN ACCESS EXCLUSIVE MODE")
    op.execute("ALTER TABLE mail_items ADD COLUMN trigger jsonb")
    op.execute(
        """
        UPDATE mail_items i SET trigger = jsonb_strip_nulls(jsonb_build_object(
            'trigger_id', i.trigger_id,
            'alert_id', i.alert_id,
            'user_id', m.user_id,
            'alert_type', CASE i.direction WHEN 'up' THEN 'above' ELSE 'below' END,
            'threshold', CAST(i.threshold AS text),
            'price', CAST(i.price AS text),
            'currency', i.currency,
            'unit', i.unit,
            'karat', i.karat,
            'note', i.note,
            'channels', jsonb_build_array('email')
        ))
        FROM mails m WHERE m.id = i.mail_id
        """
    )
    op.execute(
        """
        ALTER TABLE mail_items
            ALTER COLUMN trigger SET NOT NULL,
            DROP COLUMN alert_id,
            DROP COLUMN direction,
            DROP COLUMN threshold,
            DROP COLUMN price,
            DROP COLUMN currency,
            DROP COLUMN unit,
            DROP COLUMN karat,
            DROP COLUMN note
        """
    )
    for part, (file, former) in _FORMER.items():
        op.get_bind().execute(
            text(
                f"UPDATE email_templates SET {part} = :new, updated_at = now() "  # noqa: S608 - the names are those above
                f"WHERE name = 'alert' AND locale = 'en' AND md5({part}) = :former"
            ),
            {"new": (_ALERT / file).read_text(encoding="utf-8"), "former": former},
        )
