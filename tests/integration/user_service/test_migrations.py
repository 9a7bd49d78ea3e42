"""A database of the first version, with users in it, becomes one of the newest."""

from collections.abc import Callable

from sqlalchemy import text

from goldalert.ids import new_id
from tests.support.migrations import FirstVersion
from user_service.repository import Repository


def test_users_keep_what_they_chose_and_names_fit_into_events(
    first_version: Callable[..., FirstVersion],
) -> None:
    database = first_version("user_service")
    names = {
        "Ada Lovelace": "Ada Lovelace",
        "Ada\r\nLovelace": "Ada Lovelace",
        "\u2028Jörg\x85": "Jörg",
        "\x07": None,
        None: None,
    }
    users = {name: new_id() for name in names}
    with database.engine.begin() as connection:
        for name, user_id in users.items():
            values = {"id": new_id(), "user_id": user_id, "name": name}
            connection.execute(
                text("INSERT INTO profiles (id, user_id, name) VALUES (:id, :user_id, :name)"),
                values,
            )
            connection.execute(
                text(
                    "INSERT INTO preferences (id, user_id, currency) VALUES (:id, :user_id, 'CHF')"
                ),
                values,
            )
    database.upgrade()
    with database.engine.begin() as connection:
        repository = Repository(connection)
        for name, user_id in users.items():
            profile, preferences = repository.profile(user_id), repository.preferences(user_id)
            assert profile is not None
            assert preferences is not None
            assert profile.name == names[name]
            assert (preferences.currency, preferences.digest) == ("CHF", "off")
            assert repository.next_version(user_id) == 2
