"""The auth service's actions on a database of its own."""

from collections.abc import Callable, Iterator

import pytest

from auth_service.repository import Repository
from goldalert.db.engine import make_engine
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.secrets import DatabaseSecret
from tests.support.accounts import Auth


@pytest.fixture
def auth(database: Callable[[str], DatabaseSecret]) -> Iterator[Auth]:
    engine = make_engine(database("auth_service"))
    yield Auth(UnitOfWork(engine, Repository), engine)
    engine.dispose()
