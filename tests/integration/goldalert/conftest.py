"""A database with the library's own tables and no service's."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, NullPool, create_engine, text

from goldalert.db.engine import make_engine
from goldalert.http.idempotency import CREATE_IDEMPOTENCY_KEYS
from goldalert.ids import new_id
from goldalert.messaging.erasure import CREATE_ERASED_USERS
from goldalert.messaging.tables import CREATE_INBOX, CREATE_OUTBOX
from goldalert.secrets import DatabaseSecret


@pytest.fixture
def engine(postgres: DatabaseSecret) -> Iterator[Engine]:
    server = create_engine(
        make_engine(postgres).url, isolation_level="AUTOCOMMIT", poolclass=NullPool
    )
    name = f"library_{new_id().hex}"
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine = make_engine(postgres.model_copy(update={"dbname": name}))
    with engine.begin() as connection:
        for statement in (
            CREATE_OUTBOX,
            CREATE_INBOX,
            CREATE_IDEMPOTENCY_KEYS,
            CREATE_ERASED_USERS,
        ):
            connection.execute(text(statement))
    yield engine
    engine.dispose()
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
