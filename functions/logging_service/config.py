"""The settings of the logging service."""

from goldalert.settings import Settings


class LoggingSettings(Settings):
    """What the logging functions are told: nothing beyond what every service is."""
