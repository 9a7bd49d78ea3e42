"""What a deploy finds that comes after the first one."""

from pathlib import Path

from sqlalchemy import Engine

from migrator.upgrade import upgrade
from tests.support.services import FUNCTIONS


class FirstVersion:
    """A service's database as its first migration made it, which can be brought up to date.

    Args:
        engine: an empty database.
        service: whose migrations run.
        first: a folder with the first of them.
    """

    def __init__(self, engine: Engine, service: str, first: Path) -> None:
        self.engine = engine
        self._migrations = FUNCTIONS / service / "migrations"
        with engine.begin() as connection:
            upgrade(connection, first)

    def upgrade(self) -> None:
        with self.engine.begin() as connection:
            upgrade(connection, self._migrations)
