"""A database of an earlier version keeps what it has, and gets what is new."""

from collections.abc import Callable

from sqlalchemy import text

from goldalert.ids import new_id
from tests.support.migrations import FirstVersion


def test_a_database_of_the_first_version_is_upgraded_with_its_mails(
    first_version: Callable[..., FirstVersion],
) -> None:
    database = first_version("email_service", "verification", "password_reset", "registered_again")
    ada = new_id()
    with database.engine.begin() as connection:
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
    database.upgrade()
    with database.engine.begin() as connection:
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
