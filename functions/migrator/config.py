"""The settings of the migrator, and which service owns which database."""

from pathlib import Path

from goldalert.settings import Environment

DATABASES = {
    "auth_service": "auth_db",
    "user_service": "user_db",
    "price_service": "price_db",
    "alert_service": "alert_db",
    "email_service": "email_db",
    "notification_service": "notification_db",
    "admin_service": "admin_db",
    "logging_service": "logging_db",
}

FUNCTIONS = Path(__file__).resolve().parent.parent
"""The build puts each service's `migrations/` beside the migrator, as in the source tree."""


class MigratorSettings(Environment):
    """What the migrator is told: `secrets_prefix` begins the names of all secrets."""

    secrets_prefix: str
