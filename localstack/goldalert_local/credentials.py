"""The secrets of one stack: made once at random, kept beside its data, put into Secrets Manager."""

import base64
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from goldalert_local.profiles import STAGE
from goldalert_local.stores.postgres import PostgresAddress

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
    signing_key_id: str
    signing_private_pem: str
    signing_public_pem: str

    @classmethod
    def load_or_make(cls, path: Path) -> Self:
        """Read the file; where there is none, write a new one that only its owner can read."""
        if path.exists():
            return cls(**json.loads(path.read_text()))
        credentials = cls.make()
        write_private(path, json.dumps(asdict(credentials), indent=2))
        return credentials

    @classmethod
    def make(cls) -> Self:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return cls(
            postgres_password=secrets.token_urlsafe(24),
            redis_password=secrets.token_urlsafe(24),
            service_passwords={service: secrets.token_urlsafe(24) for service in DATABASES},
            pepper=base64.b64encode(secrets.token_bytes(32)).decode(),
            event_key=Fernet.generate_key().decode(),
            signing_key_id=secrets.token_hex(8),
            signing_private_pem=key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ).decode(),
            signing_public_pem=key.public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            .decode(),
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
            "auth_signing_keys": {
                "active_kid": self.signing_key_id,
                "keys": [
                    {
                        "kid": self.signing_key_id,
                        "private_pem": self.signing_private_pem,
                    }
                ],
            },
            "auth_verification_keys": {
                "keys": [{"kid": self.signing_key_id, "public_pem": self.signing_public_pem}]
            },
            "event_key": {"keys": [self.event_key]},
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


def write_private(path: Path, text: str) -> None:
    """Write the whole file at once, readable by its owner only."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    unfinished.replace(path)
