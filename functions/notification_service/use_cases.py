"""What the notification service does, one function per action.

The unread count is kept in Redis; whoever changes it forgets the kept one after the commit.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol
from uuid import UUID

from pydantic import JsonValue

from goldalert.cache.cache_aside import Cache
from goldalert.clock import Clock
from goldalert.db.unit_of_work import Transaction, UnitOfWork
from goldalert.errors import NotFoundError
from goldalert.events.alerts import AlertTriggeredData
from goldalert.events.catalogue import AnyEvent
from goldalert.events.emails import EmailFailedData, EmailSentData
from goldalert.events.users import (
    SessionsRevokedData,
    UserPreferencesChangedData,
    UserRegisteredData,
)
from goldalert.export import EXPORT_ROWS, make_part
from goldalert.messaging.erasure import is_living, living_users, mark_erased, publish_erased
from notification_service import domain
from notification_service.domain import NewNotification
from notification_service.schemas import (
    MarkedRead,
    NotificationView,
    PreferencesView,
    UnreadCount,
)

PRODUCER = "notification_service"


class Notifications(Protocol):
    """What the use cases need of the database."""

    def add_default_preferences(self, user_id: UUID) -> None: ...
    def set_master_switch(self, user_id: UUID, *, version: int, notifications: bool) -> None: ...
    def preferences(self, user_id: UUID) -> PreferencesView | None: ...
    def erase_user(self, user_id: UUID) -> None: ...
    def add(self, notifications: Sequence[NewNotification]) -> None: ...
    def page(
        self, user_id: UUID, *, unread: bool, after: UUID | None, limit: int
    ) -> list[NotificationView]: ...
    def unread_count(self, user_id: UUID) -> UnreadCount: ...
    def mark_read(self, user_id: UUID, notification_id: UUID) -> NotificationView | None: ...
    def mark_all_read(self, user_id: UUID) -> int: ...
    def delete(self, user_id: UUID, notification_id: UUID) -> bool: ...


# --- events: `forget_unread_counts` follows the commit of each ------------------------------------


def welcome(tx: Transaction[Notifications], event_id: UUID, user: UserRegisteredData) -> None:
    """Greet a new user, and give them the default preferences."""
    if is_living(tx.connection, user.user_id):
        tx.repository.add_default_preferences(user.user_id)
    _add(tx, [domain.welcome(event_id, user)])


def tell_of_alerts(tx: Transaction[Notifications], triggered: AlertTriggeredData) -> None:
    """Tell users of their triggers, where they want to be told in the app."""
    _add(
        tx,
        [
            domain.alert_triggered(triggered.tick, trigger)
            for trigger in triggered.triggers
            if "in_app" in trigger.channels
        ],
    )


def tell_of_sent_mail(tx: Transaction[Notifications], event_id: UUID, mail: EmailSentData) -> None:
    _add(tx, [domain.email_sent(event_id, mail)])


def tell_of_failed_mail(
    tx: Transaction[Notifications], event_id: UUID, mail: EmailFailedData
) -> None:
    _add(tx, [domain.email_failed(event_id, mail)])


def tell_of_revoked_sessions(
    tx: Transaction[Notifications], event_id: UUID, revoked: SessionsRevokedData
) -> None:
    """Tell a user why their sessions were ended, unless they did it and know."""
    notification = domain.sessions_revoked(event_id, revoked)
    _add(tx, [notification] if notification else [])


def _add(tx: Transaction[Notifications], notifications: Sequence[NewNotification]) -> None:
    living = living_users(tx.connection, {one.user_id for one in notifications})
    tx.repository.add([one for one in notifications if one.user_id in living])


# --- what users like, and their end ---------------------------------------------------------------


def set_master_switch(
    tx: Transaction[Notifications], preferences: UserPreferencesChangedData
) -> None:
    """Note whether a user wants to be told of anything but the security of their account."""
    if is_living(tx.connection, preferences.user_id):
        tx.repository.set_master_switch(
            preferences.user_id,
            version=preferences.version,
            notifications=preferences.notifications,
        )


def erase_user(tx: Transaction[Notifications], clock: Clock, event: AnyEvent) -> None:
    """Erase a user, and say so."""
    user_id: UUID = event.data.user_id
    mark_erased(tx.connection, user_id)
    tx.repository.erase_user(user_id)
    publish_erased(tx, clock, producer=PRODUCER, event=event)


def export_user(unit_of_work: UnitOfWork[Notifications], *, user_id: UUID) -> JsonValue:
    """Return what we hold about a user."""
    with unit_of_work.begin() as tx:
        notifications = tx.repository.page(user_id, unread=False, after=None, limit=EXPORT_ROWS + 1)
        preferences = tx.repository.preferences(user_id)
    return {
        "preferences": None if preferences is None else preferences.model_dump(mode="json"),
        **make_part(notifications=notifications),
    }


# --- the API --------------------------------------------------------------------------------------


def page(
    unit_of_work: UnitOfWork[Notifications],
    *,
    user_id: UUID,
    unread: bool,
    after: UUID | None,
    limit: int,
) -> list[NotificationView]:
    """Return a user's notifications, newest first, and one more if there is a next page."""
    with unit_of_work.begin() as tx:
        return tx.repository.page(user_id, unread=unread, after=after, limit=limit + 1)


def unread_count(
    unit_of_work: UnitOfWork[Notifications], cache: Cache, *, user_id: UUID
) -> UnreadCount:
    def count() -> UnreadCount:
        with unit_of_work.begin() as tx:
            return tx.repository.unread_count(user_id)

    return cache.get_or_load(_unread_key(user_id), UnreadCount, count)


def mark_read(
    unit_of_work: UnitOfWork[Notifications],
    cache: Cache,
    *,
    user_id: UUID,
    notification_id: UUID,
) -> NotificationView:
    """Note that a user read a notification.

    Raises:
        NotFoundError: there is none, or it is somebody else's.
    """
    with unit_of_work.begin() as tx:
        notification = tx.repository.mark_read(user_id, notification_id)
    if notification is None:
        raise _no_such_notification()
    forget_unread_counts(cache, [user_id])
    return notification


def mark_all_read(
    unit_of_work: UnitOfWork[Notifications], cache: Cache, *, user_id: UUID
) -> MarkedRead:
    with unit_of_work.begin() as tx:
        marked = tx.repository.mark_all_read(user_id)
    forget_unread_counts(cache, [user_id])
    return MarkedRead(marked=marked)


def delete(
    unit_of_work: UnitOfWork[Notifications],
    cache: Cache,
    *,
    user_id: UUID,
    notification_id: UUID,
) -> None:
    """Delete a notification.

    Raises:
        NotFoundError: there is none, or it is somebody else's.
    """
    with unit_of_work.begin() as tx:
        is_deleted = tx.repository.delete(user_id, notification_id)
    if not is_deleted:
        raise _no_such_notification()
    forget_unread_counts(cache, [user_id])


def forget_unread_counts(cache: Cache, user_ids: Iterable[UUID]) -> None:
    """Forget the kept unread counts of users, after what changes them was committed."""
    keys = [_unread_key(user_id) for user_id in user_ids]
    if keys:
        cache.invalidate(*keys)


def _unread_key(user_id: UUID) -> str:
    return f"unread:{user_id}"


def _no_such_notification() -> NotFoundError:
    return NotFoundError("There is no such notification.")
