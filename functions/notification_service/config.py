"""The settings of the notification service: those that every service has."""

from goldalert.settings import Settings

UNREAD_COUNT_TTL_SECONDS = 15 * 60

EXPORTED_NOTIFICATIONS = 10_000
"""The most notifications that an export has: a Lambda answers with 6 MB at most."""


class NotificationSettings(Settings):
    """What the notification functions are told."""
