"""A database of the first version keeps what its users were told, and how they want to be."""

from collections.abc import Callable

from sqlalchemy import text

from goldalert.ids import new_id
from tests.support.migrations import FirstVersion


def test_users_keep_their_notifications_and_preferences(
    first_version: Callable[..., FirstVersion],
) -> None:
    database = first_version("notification_service")
    ada = new_id()
    with database.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO notification_preferences (id, user_id, in_app) "
                "VALUES (:id, :id, false)"
            ),
            {"id": ada},
        )
        connection.execute(
            text(
                "INSERT INTO notifications (id, user_id, source_event, type, message, data) "
                "VALUES (:id, :id, :id, 'welcome', 'Welcome!', '{}')"
            ),
            {"id": ada},
        )
    database.upgrade()
    with database.engine.begin() as connection:
        [preferences] = connection.execute(
            text(
                "SELECT user_id, in_app, notifications, preferences_version "
                "FROM notification_preferences"
            )
        )
        [notification] = connection.execute(text("SELECT user_id, message FROM notifications"))
    assert tuple(preferences) == (ada, False, True, 0)
    assert tuple(notification) == (ada, "Welcome!")
