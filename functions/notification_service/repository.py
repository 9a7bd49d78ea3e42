"""All SQL of the notification service."""

import json
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, text

from goldalert.ids import new_id
from notification_service.domain import NewNotification
from notification_service.schemas import NotificationView, PreferencesView, UnreadCount

_COLUMNS = "id, type, message, data, read_at, created_at"


class Repository:
    """Notifications and preferences, on one transaction's connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_default_preferences(self, user_id: UUID) -> None:
        self._connection.execute(
            text(
                "INSERT INTO notification_preferences (id, user_id) VALUES (:id, :user_id) "
                "ON CONFLICT (user_id) DO NOTHING"
            ),
            {"id": new_id(), "user_id": user_id},
        )

    def set_master_switch(self, user_id: UUID, *, version: int, notifications: bool) -> None:
        """Note whether a user wants to be told of anything; an older version is ignored."""
        self._connection.execute(
            text(
                "INSERT INTO notification_preferences AS p "
                "(id, user_id, notifications, preferences_version) "
                "VALUES (:id, :user_id, :notifications, :version) "
                "ON CONFLICT (user_id) DO UPDATE SET notifications = EXCLUDED.notifications, "
                "preferences_version = EXCLUDED.preferences_version "
                "WHERE p.preferences_version < EXCLUDED.preferences_version"
            ),
            {
                "id": new_id(),
                "user_id": user_id,
                "notifications": notifications,
                "version": version,
            },
        )

    def preferences(self, user_id: UUID) -> PreferencesView | None:
        row = self._connection.execute(
            text(
                "SELECT email, in_app, push, notifications FROM notification_preferences "
                "WHERE user_id = :user_id"
            ),
            {"user_id": user_id},
        ).first()
        return PreferencesView.model_validate(row) if row else None

    def erase_user(self, user_id: UUID) -> None:
        for table in ("notifications", "notification_preferences"):
            self._connection.execute(
                text(f"DELETE FROM {table} WHERE user_id = :user_id"),  # noqa: S608 - constants
                {"user_id": user_id},
            )

    def add(self, notifications: Sequence[NewNotification]) -> None:
        """Store notifications, in one statement, for users who want them; once for each source.

        What concerns the security of an account is stored whatever its user wants.
        """
        rows = [
            {
                "id": str(new_id()),
                "user_id": str(one.user_id),
                "source_event": str(one.source),
                "type": one.type,
                "message": one.message,
                "data": one.data,
            }
            for one in notifications
        ]
        self._connection.execute(
            text(
                "INSERT INTO notifications (id, user_id, source_event, type, message, data) "
                "SELECT n.id, n.user_id, n.source_event, n.type, n.message, n.data "
                "FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS n(id uuid, user_id uuid, "
                "source_event uuid, type text, message text, data jsonb) "
                "LEFT JOIN notification_preferences p ON p.user_id = n.user_id "
                "WHERE n.type = 'security' OR COALESCE(p.notifications AND p.in_app, true) "
                "ON CONFLICT (source_event) DO NOTHING"
            ),
            {"rows": json.dumps(rows)},
        )

    def page(
        self, user_id: UUID, *, unread: bool, after: UUID | None, limit: int
    ) -> list[NotificationView]:
        """Return a user's notifications, newest first, or just the unread ones."""
        conditions = ["user_id = :user_id"]
        if unread:
            conditions.append("read_at IS NULL")
        if after is not None:
            conditions.append("id < :after")
        rows = self._connection.execute(
            text(
                f"SELECT {_COLUMNS} FROM notifications WHERE {' AND '.join(conditions)} "  # noqa: S608 - constants
                "ORDER BY id DESC LIMIT :limit"
            ),
            {"user_id": user_id, "after": after, "limit": limit},
        )
        return [NotificationView.model_validate(row) for row in rows]

    def unread_count(self, user_id: UUID) -> UnreadCount:
        count = self._connection.execute(
            text("SELECT count(*) FROM notifications WHERE user_id = :user_id AND read_at IS NULL"),
            {"user_id": user_id},
        ).scalar_one()
        return UnreadCount(unread=count)

    def mark_read(self, user_id: UUID, notification_id: UUID) -> NotificationView | None:
        """Note that a user read a notification, if it is theirs; the first time counts."""
        row = self._connection.execute(
            text(
                "UPDATE notifications SET read_at = COALESCE(read_at, now()) "  # noqa: S608 - constants
                f"WHERE id = :id AND user_id = :user_id RETURNING {_COLUMNS}"
            ),
            {"id": notification_id, "user_id": user_id},
        ).first()
        return NotificationView.model_validate(row) if row else None

    def mark_all_read(self, user_id: UUID) -> int:
        return self._connection.execute(
            text(
                "UPDATE notifications SET read_at = now() "
                "WHERE user_id = :user_id AND read_at IS NULL"
            ),
            {"user_id": user_id},
        ).rowcount

    def delete(self, user_id: UUID, notification_id: UUID) -> bool:
        """Delete a notification, if it is the user's; return whether it was."""
        return (
            self._connection.execute(
                text("DELETE FROM notifications WHERE id = :id AND user_id = :user_id"),
                {"id": notification_id, "user_id": user_id},
            ).rowcount
            == 1
        )
