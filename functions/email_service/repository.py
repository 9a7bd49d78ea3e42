"""All SQL of the e-mail service. Sets of rows travel as one JSON array: one statement for all."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from email_service.domain import (
    DueMail,
    Evidence,
    FailureReason,
    MailStatus,
    MailTemplate,
    StoredMail,
)
from email_service.schemas import EmailLog, RecipientView
from goldalert.events.alerts import Trigger
from goldalert.events.emails import MailKind
from goldalert.events.prices import Tick
from goldalert.events.users import UserPreferencesChangedData
from goldalert.ids import new_id

_OPEN: frozenset[str] = frozenset({"queued", "held"})
"""A mail in these states can still take items."""

_RECOVER_ROWS = 1000

_IS_SUPPRESSED = (
    "EXISTS (SELECT 1 FROM suppressed_addresses "
    "WHERE address_hash = sha256(convert_to(:email, 'UTF8')))"
)
"""An erased user's address that bounced or complained, and that registers again."""

_STORED = (
    "id, user_id, kind, status, COALESCE(recipient, '') AS recipient, "
    "COALESCE(subject, '') AS subject, correlation_id"
)


class _AlertMailRow(NamedTuple):
    id: UUID
    user_id: UUID
    generation: int
    status: str


class Repository:
    """Recipients, the ledger, evidence and templates, on one transaction's connection.

    Leases and ages are told by the database's clock: the functions' own may differ (R16).
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # --- recipients -------------------------------------------------------------------------------

    def add_recipient(self, user_id: UUID, email: str, name: str | None) -> None:
        """Add a new user; what later events told of them already stays."""
        self._connection.execute(
            text(
                "INSERT INTO recipients AS r (user_id, email, name, suppressed) "  # noqa: S608 - constant
                f"VALUES (:user_id, :email, :name, {_IS_SUPPRESSED}) "
                "ON CONFLICT (user_id) DO UPDATE SET email = COALESCE(r.email, EXCLUDED.email), "
                "suppressed = r.suppressed OR EXCLUDED.suppressed, "
                "name = CASE WHEN r.preferences_version = 0 THEN EXCLUDED.name ELSE r.name END"
            ),
            {"user_id": user_id, "email": email, "name": name},
        )

    def verify_recipient(self, user_id: UUID, email: str) -> None:
        """Note that the address is the user's, whom we may not have heard of yet."""
        self._connection.execute(
            text(
                "INSERT INTO recipients AS r (user_id, email, verified, suppressed) "  # noqa: S608 - constant
                f"VALUES (:user_id, :email, true, {_IS_SUPPRESSED}) "
                "ON CONFLICT (user_id) DO UPDATE SET verified = true, email = EXCLUDED.email, "
                "suppressed = r.suppressed OR EXCLUDED.suppressed"
            ),
            {"user_id": user_id, "email": email},
        )

    def suppress_recipient(self, user_id: UUID, email: str) -> None:
        """Send a user nothing more, as long as this is their address."""
        self._connection.execute(
            text(
                "UPDATE recipients SET suppressed = true "
                "WHERE user_id = :user_id AND email = :email"
            ),
            {"user_id": user_id, "email": email},
        )

    def set_preferences(self, preferences: UserPreferencesChangedData) -> None:
        """Note what a user likes, of whom we may not have heard; an older version is ignored."""
        quiet = preferences.quiet_hours
        self._connection.execute(
            text(
                "INSERT INTO recipients AS r (user_id, preferences_version, name, locale, "
                "timezone, notifications, quiet_start, quiet_end, digest) "
                "VALUES (:user_id, :version, :name, :locale, :timezone, :notifications, "
                ":quiet_start, :quiet_end, :digest) "
                "ON CONFLICT (user_id) DO UPDATE SET name = EXCLUDED.name, "
                "preferences_version = EXCLUDED.preferences_version, locale = EXCLUDED.locale, "
                "timezone = EXCLUDED.timezone, notifications = EXCLUDED.notifications, "
                "quiet_start = EXCLUDED.quiet_start, quiet_end = EXCLUDED.quiet_end, "
                "digest = EXCLUDED.digest "
                "WHERE r.preferences_version < EXCLUDED.preferences_version"
            ),
            {
                **preferences.model_dump(exclude={"quiet_hours"}),
                "quiet_start": quiet and quiet.start,
                "quiet_end": quiet and quiet.end,
            },
        )

    def has_address(self, user_id: UUID) -> bool:
        """Say whether we know where to write to a user."""
        return bool(
            self._connection.execute(
                text("SELECT 1 FROM recipients WHERE user_id = :user_id AND email IS NOT NULL"),
                {"user_id": user_id},
            ).scalar()
        )

    def recipient(self, user_id: UUID) -> RecipientView | None:
        row = self._connection.execute(
            text(
                "SELECT email, name, verified, suppressed, locale, timezone, notifications, "
                "quiet_start, quiet_end, digest, created_at FROM recipients "
                "WHERE user_id = :user_id"
            ),
            {"user_id": user_id},
        ).first()
        return RecipientView.model_validate(row) if row else None

    def wanting_notifications(self, user_ids: Collection[UUID]) -> set[UUID]:
        """Return those of the users who did not switch their notifications off."""
        unwilling = self._connection.execute(
            text(
                "SELECT user_id FROM recipients "
                "WHERE user_id = ANY(CAST(:user_ids AS uuid[])) AND NOT notifications"
            ),
            {"user_ids": list(user_ids)},
        ).scalars()
        return set(user_ids) - set(unwilling)

    def erase_user(self, user_id: UUID) -> None:
        """Delete all that names a user, except a hash of an address that may get no more mail."""
        # Mails first: SES's feedback locks the mail before the recipient, too. `email_logs` is a
        # view of them; items and evidence go with them.
        parameters = {"user_id": user_id}
        self._connection.execute(text("DELETE FROM mails WHERE user_id = :user_id"), parameters)
        self._connection.execute(
            text(
                "WITH gone AS (DELETE FROM recipients WHERE user_id = :user_id "
                "RETURNING email, suppressed) "
                "INSERT INTO suppressed_addresses (address_hash) "
                "SELECT sha256(convert_to(email, 'UTF8')) FROM gone WHERE suppressed "
                "ON CONFLICT DO NOTHING"
            ),
            parameters,
        )

    # --- mails to send ----------------------------------------------------------------------------

    def add_link_mail(
        self,
        user_id: UUID,
        kind: MailKind,
        dedupe_key: str,
        sealed_token: str,
        correlation_id: str,
    ) -> Sequence[UUID]:
        """Queue a mail with a link, once; return its id if it is new."""
        return (
            self._connection.execute(
                text(
                    "INSERT INTO mails "
                    "(id, user_id, kind, dedupe_key, status, correlation_id, sealed_token) "
                    "VALUES (:id, :user_id, :kind, :dedupe_key, 'queued', :correlation_id, "
                    ":sealed_token) ON CONFLICT DO NOTHING RETURNING id"
                ),
                {
                    "id": new_id(),
                    "user_id": user_id,
                    "kind": kind,
                    "dedupe_key": dedupe_key,
                    "correlation_id": correlation_id,
                    "sealed_token": sealed_token,
                },
            )
            .scalars()
            .all()
        )

    def add_alert_mails(
        self, tick: Tick, triggers: Sequence[Trigger], correlation_id: str
    ) -> Sequence[UUID]:
        """Put triggers of one tick into one mail per user; return the ids of those that are due.

        They join the user's mail of that tick while it can still take them, else a further
        generation of it. A trigger that is in a mail already changes nothing.
        """
        new = self._without_known(triggers)
        users = sorted({trigger.user_id for trigger in new})
        # Adds or locks the first generation: whoever else expands this tick for one of these
        # users waits here, and then sees our rows.
        self._add_alert_mail_rows(tick, correlation_id, dict.fromkeys(users, 1))
        latest = self._lock_latest(tick, users)
        closed = {row.user_id: row for row in latest.values() if row.status not in _OPEN}
        self._add_alert_mail_rows(
            tick, correlation_id, {user: row.generation + 1 for user, row in closed.items()}
        )
        latest |= self._lock_latest(tick, list(closed))
        self._add_items((latest[trigger.user_id].id, trigger) for trigger in new)
        return [row.id for row in latest.values() if row.status == "queued"]

    def _without_known(self, triggers: Sequence[Trigger]) -> list[Trigger]:
        known = set(
            self._connection.execute(
                text(
                    "SELECT trigger_id FROM mail_items "
                    "WHERE trigger_id = ANY(CAST(:trigger_ids AS uuid[]))"
                ),
                {"trigger_ids": [trigger.trigger_id for trigger in triggers]},
            ).scalars()
        )
        return [trigger for trigger in triggers if trigger.trigger_id not in known]

    def _add_alert_mail_rows(
        self, tick: Tick, correlation_id: str, generations: Mapping[UUID, int]
    ) -> None:
        if not generations:
            return
        self._connection.execute(
            text(
                "INSERT INTO mails (id, user_id, kind, dedupe_key, generation, status, "
                "correlation_id, tick) "
                "SELECT n.id, n.user_id, 'alert', n.dedupe_key, n.generation, "
                "CASE WHEN r.verified THEN 'queued' ELSE 'held' END, :correlation_id, "
                "CAST(:tick AS jsonb) "
                "FROM jsonb_to_recordset(CAST(:rows AS jsonb)) "
                "AS n(id uuid, user_id uuid, dedupe_key text, generation integer) "
                "LEFT JOIN recipients r ON r.user_id = n.user_id ORDER BY n.user_id "
                "ON CONFLICT (dedupe_key, generation) "
                "DO UPDATE SET generation = EXCLUDED.generation"
            ),
            {
                "correlation_id": correlation_id,
                "tick": tick.model_dump_json(),
                "rows": json.dumps(
                    [
                        {
                            "id": str(new_id()),
                            "user_id": str(user_id),
                            "dedupe_key": _dedupe_key(tick, user_id),
                            "generation": generation,
                        }
                        for user_id, generation in generations.items()
                    ]
                ),
            },
        )

    def _lock_latest(self, tick: Tick, users: Sequence[UUID]) -> dict[UUID, _AlertMailRow]:
        """Lock the latest generation of each user's mail, so that no worker claims it now."""
        if not users:
            return {}
        rows = self._connection.execute(
            text(
                "SELECT id, user_id, generation, status FROM mails m "
                "WHERE dedupe_key = ANY(CAST(:keys AS text[])) AND NOT EXISTS ("
                "  SELECT 1 FROM mails later WHERE later.dedupe_key = m.dedupe_key "
                "  AND later.generation > m.generation) "
                "ORDER BY user_id FOR UPDATE"
            ),
            {"keys": [_dedupe_key(tick, user) for user in users]},
        )
        return {row.user_id: _AlertMailRow(*row) for row in rows}

    def _add_items(self, items: Iterable[tuple[UUID, Trigger]]) -> None:
        rows = [
            {
                "trigger_id": str(trigger.trigger_id),
                "mail_id": str(mail_id),
                "trigger": trigger.model_dump(mode="json", exclude_none=True),
            }
            for mail_id, trigger in items
        ]
        self._connection.execute(
            text(
                "INSERT INTO mail_items (trigger_id, mail_id, trigger) "
                "SELECT trigger_id, mail_id, trigger FROM jsonb_to_recordset("
                "CAST(:rows AS jsonb)) AS n(trigger_id uuid, mail_id uuid, trigger jsonb) "
                "ON CONFLICT DO NOTHING"
            ),
            {"rows": json.dumps(rows)},
        )

    def release_held(self, user_id: UUID) -> Sequence[UUID]:
        """Queue what waited for a user's verification; return the ids."""
        return (
            self._connection.execute(
                text(
                    "UPDATE mails SET status = 'queued', announced_at = now() "
                    "WHERE status = 'held' AND user_id = :user_id RETURNING id"
                ),
                {"user_id": user_id},
            )
            .scalars()
            .all()
        )

    # --- sending ----------------------------------------------------------------------------------

    def claim(self, mail_id: UUID, lease: timedelta) -> DueMail | None:
        """Hold a queued mail for a while; return None when it is not queued."""
        row = self._connection.execute(
            text(
                "UPDATE mails m SET status = 'sending', attempts = attempts + 1, "
                "attempted_at = now(), leased_until = now() + CAST(:lease AS interval), "
                "recipient = r.email FROM recipients r "
                "WHERE m.id = :id AND m.status = 'queued' AND r.user_id = m.user_id "
                "AND r.email IS NOT NULL "
                "RETURNING m.id, m.user_id, m.kind, m.recipient, r.name, r.suppressed, "
                "r.notifications, r.timezone, m.correlation_id, m.sealed_token, m.tick"
            ),
            {"id": mail_id, "lease": lease},
        ).first()
        if row is None:
            return None
        return DueMail(
            id=row.id,
            user_id=row.user_id,
            kind=row.kind,
            recipient=row.recipient,
            name=row.name,
            suppressed=row.suppressed,
            notifications=row.notifications,
            timezone=row.timezone,
            correlation_id=row.correlation_id,
            sealed_token=row.sealed_token,
            tick=Tick.model_validate(row.tick) if row.tick else None,
            triggers=self._triggers(mail_id),
        )

    def _triggers(self, mail_id: UUID) -> list[Trigger]:
        rows = self._connection.execute(
            text("SELECT trigger FROM mail_items WHERE mail_id = :mail_id ORDER BY trigger_id"),
            {"mail_id": mail_id},
        )
        return [Trigger.model_validate(trigger) for trigger in rows.scalars()]

    def is_in_flight(self, mail_id: UUID) -> bool:
        """Say whether a worker holds the mail, as far as its lease tells."""
        return bool(
            self._connection.execute(
                text(
                    "SELECT 1 FROM mails "
                    "WHERE id = :id AND status = 'sending' AND leased_until > now()"
                ),
                {"id": mail_id},
            ).scalar()
        )

    def note_subject(self, mail_id: UUID, subject: str) -> None:
        self._connection.execute(
            text("UPDATE mails SET subject = :subject WHERE id = :id"),
            {"id": mail_id, "subject": subject},
        )

    def requeue(self, mail_id: UUID) -> None:
        """Let go of a mail that SES did not take."""
        self._connection.execute(
            text(
                "UPDATE mails SET status = 'queued', leased_until = NULL "
                "WHERE id = :id AND status = 'sending'"
            ),
            {"id": mail_id},
        )

    # --- what became of mails ---------------------------------------------------------------------

    def lock_mail(self, mail_id: UUID) -> StoredMail | None:
        row = self._connection.execute(
            text(f"SELECT {_STORED} FROM mails WHERE id = :id FOR UPDATE"),  # noqa: S608 - constant
            {"id": mail_id},
        ).first()
        return StoredMail(*row) if row else None

    def add_evidence(self, evidence: Evidence) -> None:
        self._connection.execute(
            text(
                "INSERT INTO mail_evidence (mail_id, ses_message_id, type, permanent, occurred_at) "
                "VALUES (:mail_id, :ses_message_id, :type, :permanent, :occurred_at) "
                "ON CONFLICT DO NOTHING"
            ),
            asdict(evidence),
        )

    def settle(
        self,
        mail_id: UUID,
        status: MailStatus,
        *,
        ses_message_id: str | None = None,
        sent_at: datetime | None = None,
        failure: FailureReason | None = None,
    ) -> None:
        """Note what became of a mail. What is given as None stays; the token is needed no more."""
        self._connection.execute(
            text(
                "UPDATE mails SET status = :status, leased_until = NULL, sealed_token = NULL, "
                "ses_message_id = COALESCE(:ses_message_id, ses_message_id), "
                "sent_at = COALESCE(:sent_at, sent_at), failure = COALESCE(:failure, failure) "
                "WHERE id = :id"
            ),
            {
                "id": mail_id,
                "status": status,
                "ses_message_id": ses_message_id,
                "sent_at": sent_at,
                "failure": failure,
            },
        )

    # --- recovering -------------------------------------------------------------------------------

    def requeue_lost(self, evidence_window: timedelta) -> Sequence[UUID]:
        """Queue mails again whose worker was lost and of which SES told nothing in time."""
        return (
            self._connection.execute(
                text(
                    "UPDATE mails SET status = 'queued', leased_until = NULL, "
                    "possible_duplicates = possible_duplicates + 1, announced_at = now() "
                    "WHERE id IN (SELECT id FROM mails WHERE status = 'sending' "
                    "AND attempted_at < now() - CAST(:evidence_window AS interval) "
                    "ORDER BY id LIMIT :rows FOR UPDATE SKIP LOCKED) RETURNING id"
                ),
                {"evidence_window": evidence_window, "rows": _RECOVER_ROWS},
            )
            .scalars()
            .all()
        )

    def release_verified(self) -> Sequence[UUID]:
        """Queue held mails of users who were verified while the mail was being added."""
        return (
            self._connection.execute(
                text(
                    "UPDATE mails SET status = 'queued', announced_at = now() "
                    "WHERE id IN (SELECT m.id FROM mails m "
                    "JOIN recipients r ON r.user_id = m.user_id AND r.verified "
                    "WHERE m.status = 'held' "
                    "ORDER BY m.id LIMIT :rows FOR UPDATE OF m SKIP LOCKED) RETURNING id"
                ),
                {"rows": _RECOVER_ROWS},
            )
            .scalars()
            .all()
        )

    def unsent(self, age: timedelta) -> Sequence[UUID]:
        """Return queued mails that were announced long ago, which counts as done now."""
        return (
            self._connection.execute(
                text(
                    "UPDATE mails SET announced_at = now() "
                    "WHERE id IN (SELECT id FROM mails WHERE status = 'queued' "
                    "AND announced_at < now() - CAST(:age AS interval) "
                    "ORDER BY id LIMIT :rows FOR UPDATE SKIP LOCKED) RETURNING id"
                ),
                {"age": age, "rows": _RECOVER_ROWS},
            )
            .scalars()
            .all()
        )

    # --- templates and logs -----------------------------------------------------------------------

    def template(self, name: str, locale: str) -> MailTemplate:
        row = self._connection.execute(
            text(
                "SELECT locale, subject, text, html FROM email_templates "
                "WHERE name = :name AND locale = :locale"
            ),
            {"name": name, "locale": locale},
        ).one()
        return MailTemplate.model_validate(row)

    def logs(
        self,
        *,
        user_id: UUID | None,
        status: MailStatus | None,
        recipient: str | None,
        after: UUID | None,
        limit: int,
    ) -> list[EmailLog]:
        """Return mails, newest first. A filter that is None lets everything pass."""
        filters = {"user_id": user_id, "status": status, "recipient": recipient}
        conditions = [f"{name} = :{name}" for name, value in filters.items() if value is not None]
        if after is not None:
            conditions.append("id < :after")
        where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
        rows = self._connection.execute(
            text(
                "SELECT id, recipient, kind, subject, status, failure, sent_at, created_at "  # noqa: S608 - constants
                f"FROM email_logs {where}ORDER BY id DESC LIMIT :limit"
            ),
            {**filters, "after": after, "limit": limit},
        )
        return [EmailLog.model_validate(row) for row in rows]


def _dedupe_key(tick: Tick, user_id: UUID) -> str:
    return f"alert:{tick.tick_id}:{user_id}"
