"""What the notification service does, one function per action.

The unread count is kept in Redis; whoever changes it forgets the kept one after the commit.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol
from uuid import UUID

from goldalert.cache.cache_aside import Cache
from goldalert.db.unit_of_work import Transaction, UnitOfWork
from goldalert.errors import NotFoundError
from goldalert.events.alerts import AlertTriggeredData
from goldalert.events.emails import EmailFailedData, EmailSentData
from goldalert.events.users import UserRegisteredData
from notification_service import domain
from notification_service.domain import NewNotification
from notification_service.schemas import MarkedRead, NotificationView, UnreadCount


class Notifications(Protocol):
    """What the use cases need of the database."""

    def add_default_preferences(self, user_id: UUID) -> None: ...
    def add(self, notifications: Sequence[NewNotification]) -> None: ...
    def page(
        self, user_id: UUID, *, unread: bool, after: UUID | None, limit: int
    ) -> list[NotificationView]: ...
    def unread_count(self, user_id: UUID) -> UnreadCount: ...
    def mark_read(self, user_id: UUID, notification_id: UUID) -> NotificationView | None: ...
    def mark_all_read(self, user_id: UUID) -> int: ...
    def delete(self, user_id: UUID, notification_id: UUID) -> bool: ...


# --- events: each returns the users whose unread count changes with the commit --------------------


def welcome(tx: Transaction[Notifications], event_id: UUID, user: UserRegisteredData) -> set[UUID]:
    """Greet a new user, and give them the default preferences."""
    tx.repository.add_default_preferences(user.user_id)
    return _add(tx, [domain.welcome(event_id, user)])


def tell_of_alerts(tx: Transaction[Notifications], triggered: AlertTriggeredData) -> set[UUID]:
    """Tell users of their triggers, where they want to be told in the app."""
    return _add(
        tx,
        [
            domain.alert_triggered(triggered.tick, trigger)
            for trigger in triggered.triggers
            if "in_app" in trigger.channels
        ],
    )


def tell_of_sent_mail(
    tx: Transaction[Notifications], event_id: UUID, mail: EmailSentData
) -> set[UUID]:
    return _add(tx, [domain.email_sent(event_id, mail)])


def tell_of_failed_mail(
    tx: Transaction[Notifications], event_id: UUID, mail: EmailFailedData
) -> set[UUID]:
    return _add(tx, [domain.email_failed(event_id, mail)])


def _add(tx: Transaction[Notifications], notifications: Sequence[NewNotification]) -> set[UUID]:
    tx.repository.add(notifications)
    return {one.user_id for one in notifications}


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
