"""The settings of the user service."""

from goldalert.settings import Settings

CACHE_SECONDS = 3600


class UserSettings(Settings):
    """What the user functions are told: nothing beyond what every service is."""
