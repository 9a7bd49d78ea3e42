"""The settings of the migrator, and which service owns which database."""

import os
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

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


class MigratorSettings(BaseModel):
    """What the environment says: the prefix of all secrets, `goldalert/<stage>/`."""

    model_config = ConfigDict(frozen=True)

    secrets_prefix: str

    @classmethod
    def from_environment(cls) -> Self:
        return cls(secrets_prefix=os.environ["SECRETS_PREFIX"])
