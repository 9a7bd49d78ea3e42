"""A database of the first version, with users in it, becomes one of the newest."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, NullPool, create_engine, text

from goldalert.db.engine import make_engine
from goldalert.ids import new_id
from goldalert.secrets import DatabaseSecret
from migrator.upgrade import upgrade
from tests.support.services import FUNCTIONS
from user_service.repository import Repository

MIGRATIONS = FUNCTIONS / "user_service" / "migrations"


@pytest.fixture
def empty(postgres: DatabaseSecret) -> Iterator[Engine]:
    """A database without any table."""
    server = create_engine(
        make_engine(postgres).url, isolation_level="AUTOCOMMIT", poolclass=NullPool
    )
    name = f"upgraded_{new_id().hex}"
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine = make_engine(postgres.model_copy(update={"dbname": name}))
    yield engine
    engine.dispose()
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def test_users_keep_what_they_chose_and_names_fit_into_events(
    empty: Engine, tmp_path: Path
) -> None:
    shutil.copy(MIGRATIONS / "0001_profiles.py", tmp_path)
    names = {
        "Ada Lovelace": "Ada Lovelace",
        "Ada\r\nLovelace": "Ada Lovelace",
        "\u2028Jörg\x85": "Jörg",
        "\x07": None,
        None: None,
    }
    users = {name: new_id() for name in names}
    with empty.begin() as connection:
        upgrade(connection, tmp_path)
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
    with empty.begin() as connection:
        upgrade(connection, MIGRATIONS)
        repository = Repository(connection)
        for name, user_id in users.items():
            profile, preferences = repository.profile(user_id), repository.preferences(user_id)
            assert profile is not None
            assert preferences is not None
            assert profile.name == names[name]
            assert (preferences.currency, preferences.digest) == ("CHF", "off")
            assert repository.next_version(user_id) == 2
