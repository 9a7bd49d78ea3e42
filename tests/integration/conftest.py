"""Real PostgreSQL and Redis for each worker, and a freshly migrated database for each test."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, NullPool, create_engine, text

from goldalert.db.engine import make_engine
from goldalert.secrets import DatabaseSecret
from goldalert_local.stores.postgres import EmbeddedPostgres
from goldalert_local.stores.redis import EmbeddedRedis
from migrator.config import DATABASES
from migrator.handlers.migrate import migrate
from tests.support.migrations import FirstVersion
from tests.support.services import FUNCTIONS

_PASSWORD = "only-for-tests"

Database = Callable[[str], DatabaseSecret]


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseSecret]:
    """A server of this worker's own, as its administrator reaches it."""
    directory = tmp_path_factory.mktemp("postgres")
    # the server's own user has to get there
    for folder in (directory, *directory.parents[:2]):
        folder.chmod(0o755)
    server = EmbeddedPostgres(directory / "data", directory, _PASSWORD)
    server.start()
    server.wait()
    address = server.address
    yield DatabaseSecret(
        host=address.host,
        port=address.port,
        user=address.user,
        password=_PASSWORD,
        dbname="postgres",
        sslmode="disable",
    )
    server.stop()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    directory = tmp_path_factory.mktemp("redis")
    server = EmbeddedRedis(directory / "data", directory, _PASSWORD)
    server.start()
    server.wait()
    yield server
    server.stop()


@pytest.fixture
def redis_url(redis_server: EmbeddedRedis) -> Callable[[int], str]:
    """The URL of a Redis database by number, emptied first."""
    from redis import Redis

    with Redis.from_url(redis_server.url) as client:
        client.flushall()
    return lambda number: f"{redis_server.url}/{number}"


@pytest.fixture(scope="session")
def _templates(postgres: DatabaseSecret) -> Callable[[str], DatabaseSecret]:
    """Migrate a service's database once; tests get copies of it."""
    made: dict[str, DatabaseSecret] = {}

    def template(service: str) -> DatabaseSecret:
        if service not in made:
            secret = postgres.model_copy(update={"user": service, "dbname": DATABASES[service]})
            migrate(postgres, service, secret)
            made[service] = secret
        return made[service]

    return template


_numbers = itertools.count()


@pytest.fixture
def database(
    postgres: DatabaseSecret, _templates: Callable[[str], DatabaseSecret]
) -> Iterator[Database]:
    """Return a new, migrated database of a service, as the service's own role reaches it.

    Example: `make_engine(database("alert_service"))`.
    """
    # a pool would ping inside a transaction, where no database can be made
    admin = create_engine(
        make_engine(postgres).url, isolation_level="AUTOCOMMIT", poolclass=NullPool
    )
    copies: list[str] = []

    def copy(service: str) -> DatabaseSecret:
        template = _templates(service)
        name = f"{template.dbname}_{next(_numbers)}"
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template.dbname}"))
            connection.execute(text(f"GRANT CONNECT ON DATABASE {name} TO {template.user}"))
        copies.append(name)
        return template.model_copy(update={"dbname": name})

    yield copy
    with admin.connect() as connection:
        for name in copies:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def first_version(
    postgres: DatabaseSecret, _templates: Callable[[str], DatabaseSecret], tmp_path: Path
) -> Iterator[Callable[..., FirstVersion]]:
    """Return a new database of a service's first version; further names are files that came later.

    Example: `first_version("email_service", "verification")`.
    """
    admin = create_engine(
        make_engine(postgres).url, isolation_level="AUTOCOMMIT", poolclass=NullPool
    )
    made: list[Engine] = []

    def make(service: str, *later: str) -> FirstVersion:
        _templates(service)  # for the roles, which migrations name
        name = f"{DATABASES[service]}_{next(_numbers)}"
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        first = tmp_path / "migrations"
        shutil.copytree(
            FUNCTIONS / service / "migrations",
            first,
            ignore=shutil.ignore_patterns("000[2-9]*", "__pycache__", *later),
        )
        engine = make_engine(postgres.model_copy(update={"dbname": name}))
        made.append(engine)
        return FirstVersion(engine, service, first)

    yield make
    for engine in made:
        engine.dispose()
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {engine.url.database} WITH (FORCE)"))
