"""The settings of the admin service."""

from goldalert.settings import Settings

VERIFY_ENTRIES = 10_000
"""Entries that one request verifies, in about a second."""


class AdminSettings(Settings):
    """What the admin functions are told: nothing beyond what every service is."""
