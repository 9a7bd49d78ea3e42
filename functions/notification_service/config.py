"""The settings of the notification service: those that every service has."""

from goldalert.settings import Settings

UNREAD_COUNT_TTL_SECONDS = 15 * 60


class NotificationSettings(Settings):
    """What the notification functions are told."""
