"""What clients get from the notification service."""

from datetime import datetime
from typing import Any
from uuid import UUID

from goldalert.http.schemas import View
from notification_service.domain import NotificationType


class NotificationView(View):
    """One notification. `data` has what its type needs, such as the alert's id and price."""

    id: UUID
    type: NotificationType
    message: str
    data: dict[str, Any]
    read_at: datetime | None
    created_at: datetime


class PreferencesView(View):
    """What a user wants to be told, by channel. `notifications` is the master switch over all."""

    email: bool
    in_app: bool
    push: bool
    notifications: bool


class UnreadCount(View):
    unread: int


class MarkedRead(View):
    """How many notifications were unread before."""

    marked: int
