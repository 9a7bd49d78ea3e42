"""The secrets of a stack are made once and shown to nobody."""

import json
import stat
from pathlib import Path
from typing import Any

from goldalert_local.credentials import DATABASES, Credentials
from goldalert_local.stores.postgres import PostgresAddress
from migrator import config as migrator

SERVER = PostgresAddress("127.0.0.1", 5432, "postgres", "admin-password", "disable")


def test_they_stay_the_same(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    assert Credentials.load_or_make(path) == Credentials.load_or_make(path)


# as version 0.1 wrote them
OF_0_1: dict[str, Any] = {
    "postgres_password": "p",
    "redis_password": "r",
    "service_passwords": {"auth_service": "a"},
    "pepper": "cGVwcGVy",
    "event_key": "e",
    "signing_key_id": "k1",
    "signing_private_pem": "private",
    "signing_public_pem": "public",
}


def test_those_of_version_0_1_stay_and_get_what_is_new(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    path.write_text(json.dumps(OF_0_1))
    loaded = Credentials.load_or_make(path)
    assert (loaded.pepper, loaded.postgres_password) == ("cGVwcGVy", "p")
    assert loaded.auth_signing_keys == {
        "active_kid": "k1",
        "keys": [{"kid": "k1", "private_pem": "private"}],
    }
    assert loaded.auth_verification_keys == {"keys": [{"kid": "k1", "public_pem": "public"}]}
    assert loaded.totp_key
    assert Credentials.load_or_make(path) == loaded, "what was made is kept"


def test_only_the_owner_can_read_them(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    Credentials.load_or_make(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_two_stacks_share_one() -> None:
    one, other = Credentials.make(), Credentials.make()
    assert one.pepper != other.pepper
    assert one.auth_signing_keys != other.auth_signing_keys
    assert one.totp_key != other.totp_key
    assert not set(one.service_passwords.values()) & set(other.service_passwords.values())


def test_each_service_reaches_its_own_database_and_redis_database() -> None:
    credentials = Credentials.make()
    secrets = credentials.aws_secrets(SERVER, "redis://127.0.0.1:6379")
    reached = {
        service: (
            secrets[f"goldalert/local/{service}"]["database"]["dbname"],
            secrets[f"goldalert/local/{service}"]["redis_url"],
        )
        for service in DATABASES
    }
    assert len({database for database, _ in reached.values()}) == len(DATABASES)
    assert reached["auth_service"] == ("auth_db", "redis://127.0.0.1:6379/0")
    assert reached["logging_service"] == ("logging_db", "redis://127.0.0.1:6379/7")


def test_the_administrator_s_password_is_in_the_migrator_s_secret_only() -> None:
    secrets = Credentials.make().aws_secrets(SERVER, "redis://127.0.0.1:6379")
    holders = {name for name, content in secrets.items() if "admin-password" in str(content)}
    assert holders == {"goldalert/local/postgres_admin"}


def test_the_databases_are_those_that_the_migrator_makes() -> None:
    names = {service: database for service, (database, _) in DATABASES.items()}
    assert names == migrator.DATABASES


def test_each_service_has_the_redis_database_of_the_design() -> None:
    assert {service: number for service, (_, number) in DATABASES.items()} == {
        "auth_service": 0,
        "user_service": 1,
        "price_service": 2,
        "alert_service": 3,
        "email_service": 4,
        "notification_service": 5,
        "admin_service": 6,
        "logging_service": 7,
    }
