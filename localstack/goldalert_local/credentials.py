"""The secrets of one stack: made once at random, kept beside its data, put into Secrets Manager."""

import base64
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from cryptography.fernet import Fernet

from goldalert_local.profiles import STAGE
from goldalert_local.stores.postgres import PostgresAddress
from infra.rotate_keys import new_key

# Each service's logical database, and the number of its Redis database.
DATABASES = {
    "auth_service": ("auth_db", 0),
    "user_service": ("user_db", 1),
    "price_service": ("price_db", 2),
    "alert_service": ("alert_db", 3),
    "email_service": ("email_db", 4),
    "notification_service": ("notification_db", 5),
    "admin_service": ("admin_db", 6),
    "logging_service": ("logging_db", 7),
}


@dataclass(frozen=True)
class Credentials:
    """What must stay the same from one start of a stack to the next."""

    postgres_password: str
    redis_password: str
    service_passwords: dict[str, str]
    pepper: str
    event_key: str
    totp_key: str
    # the two secrets as they are, for `make rotate-keys` writes them
    auth_signing_keys: dict[str, Any]
    auth_verification_keys: dict[str, Any]

    @classmethod
    def load_or_make(cls, path: Path) -> Self:
        """Read the file. What is missing in it, or all of it, is made now and kept."""
        stored = json.loads(path.read_text()) if path.exists() else {}
        names = {field.name for field in fields(cls)}
        if names == stored.keys():
            return cls(**stored)
        known = {**asdict(cls.make()), **_keys_of_0_1(stored), **stored}
        credentials = cls(**{name: known[name] for name in names})
        credentials.save(path)
        return credentials

    def save(self, path: Path) -> None:
        """Write a file that only its owner can read."""
        write_private(path, json.dumps(asdict(self), indent=2))

    @classmethod
    def make(cls) -> Self:
        private, public = new_key()
        return cls(
            postgres_password=secrets.token_urlsafe(24),
            redis_password=secrets.token_urlsafe(24),
            service_passwords={service: secrets.token_urlsafe(24) for service in DATABASES},
            pepper=base64.b64encode(secrets.token_bytes(32)).decode(),
            event_key=Fernet.generate_key().decode(),
            totp_key=Fernet.generate_key().decode(),
            auth_signing_keys={"active_kid": private["kid"], "keys": [private]},
            auth_verification_keys={"keys": [public]},
        )

    def aws_secrets(
        self, postgres: PostgresAddress, redis_url: str
    ) -> Mapping[str, Mapping[str, Any]]:
        """Every secret that the functions read, by name."""
        server = {"host": postgres.host, "port": postgres.port, "sslmode": postgres.sslmode}
        contents: dict[str, Mapping[str, Any]] = {
            "postgres_admin": {
                **server,
                "user": postgres.user,
                "password": postgres.password,
                "dbname": "postgres",
            },
            "auth_pepper": {"pepper": self.pepper},
            "auth_signing_keys": self.auth_signing_keys,
            "auth_verification_keys": self.auth_verification_keys,
            "auth_totp_key": {"keys": [self.totp_key]},
            "event_key": {"keys": [self.event_key]},
            # by adapter; nobody can be reached with one from this machine
            "price_source_keys": {},
        }
        for service, (database, redis_database) in DATABASES.items():
            contents[service] = {
                "database": {
                    **server,
                    "user": service,
                    "password": self.service_passwords[service],
                    "dbname": database,
                },
                "redis_url": f"{redis_url}/{redis_database}",
            }
        return {f"goldalert/{STAGE}/{name}": content for name, content in contents.items()}


def _keys_of_0_1(stored: Mapping[str, str]) -> dict[str, Any]:
    """The one signing key as version 0.1 wrote it down."""
    if not (kid := stored.get("signing_key_id")):
        return {}
    private = {"kid": kid, "private_pem": stored["signing_private_pem"]}
    public = {"kid": kid, "public_pem": stored["signing_public_pem"]}
    return {
        "auth_signing_keys": {"active_kid": kid, "keys": [private]},
        "auth_verification_keys": {"keys": [public]},
    }


def write_private(path: Path, text: str) -> None:
    """Write the whole file at once, readable by its owner only."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    unfinished.replace(path)
