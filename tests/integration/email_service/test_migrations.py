"""A database of an earlier version keeps what it has, and gets what is new."""

import shutil
from pathlib import Path

from sqlalchemy import create_engine, text

import email_service
from goldalert.db.engine import make_engine
from goldalert.ids import new_id
from goldalert.secrets import DatabaseSecret
from migrator.upgrade import upgrade

MIGRATIONS = Path(email_service.__file__).parent / "migrations"
COPY = "email_db_of_the_first_version"


def test_a_database_of_the_first_version_is_upgraded_with_its_mails(
    postgres: DatabaseSecret, tmp_path: Path
) -> None:
    first = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS / "mails" / "alert", first / "mails" / "alert")
    shutil.copytree(MIGRATIONS / "mails" / "welcome", first / "mails" / "welcome")
    shutil.copy(MIGRATIONS / "0001_mails.py", first)
    admin = create_engine(make_engine(postgres).url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {COPY}"))
    engine = make_engine(postgres.model_copy(update={"dbname": COPY}))
    ada = new_id()
    with engine.begin() as connection:
        upgrade(connection, first)
        connection.execute(
            text("INSERT INTO recipients (user_id, email) VALUES (:id, 'ada@example.com')"),
            {"id": ada},
        )
        connection.execute(
            text(
                "INSERT INTO mails (id, user_id, kind, dedupe_key, status, correlation_id) "
                "VALUES (:id, :id, 'alert', 'alert:1', 'held', 'c')"
            ),
            {"id": ada},
        )
    with engine.begin() as connection:
        upgrade(connection, MIGRATIONS)
        templates = connection.execute(text("SELECT name FROM email_templates ORDER BY name"))
        recipients = connection.execute(
            text("SELECT user_id, email, notifications, timezone, digest FROM recipients")
        )
        assert [*templates.scalars()] == [
            "alert",
            "password_reset",
            "registered_again",
            "verification",
            "welcome",
        ]
        assert [tuple(row) for row in recipients] == [(ada, "ada@example.com", True, "UTC", "off")]
        assert connection.execute(text("SELECT status FROM mails")).scalar_one() == "held"
    engine.dispose()
    admin.dispose()
