"""Roles and their passwords on a real server."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, NullPool, create_engine, event, exc, text

from goldalert.db.engine import make_engine
from goldalert.ids import new_id
from goldalert.secrets import DatabaseSecret
from migrator.provisioning import owner_of, provision

PASSWORD = "a password: it's 100% $ecret"


@pytest.fixture
def admin(postgres: DatabaseSecret) -> Iterator[Engine]:
    engine = make_engine(postgres)
    yield engine
    engine.dispose()


@pytest.fixture
def service(admin: Engine) -> Iterator[str]:
    name = f"service_{new_id().hex}"
    yield name
    # a pool would ping inside a transaction, where no database can be dropped
    cleaner = create_engine(admin.url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with cleaner.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name}_db WITH (FORCE)"))
        for role in (name, owner_of(name)):
            connection.execute(text(f"DROP ROLE IF EXISTS {role}"))


@pytest.fixture
def secret(postgres: DatabaseSecret, service: str) -> DatabaseSecret:
    return postgres.model_copy(
        update={"user": service, "dbname": f"{service}_db", "password": SecretStr(PASSWORD)}
    )


def test_the_role_logs_in_with_its_password_only(
    admin: Engine, service: str, secret: DatabaseSecret
) -> None:
    provision(admin, service, secret)
    engine = make_engine(secret)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT current_user")).scalar_one() == service
    engine.dispose()
    with pytest.raises(exc.DBAPIError):
        make_engine(secret.model_copy(update={"password": SecretStr("another")})).connect()


def test_no_statement_and_no_error_holds_the_password(
    admin: Engine, service: str, secret: DatabaseSecret
) -> None:
    """S15."""
    statements: list[str] = []

    @event.listens_for(admin, "before_cursor_execute")
    def remember(connection: object, cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)
        if statement.startswith("ALTER ROLE"):
            with admin.connect() as other:
                other.execute(text(f"DROP ROLE {service}"))
                other.commit()

    with pytest.raises(exc.DBAPIError) as failed:
        provision(admin, service, secret)
    assert "ALTER ROLE" in str(failed.value)
    for shown in (*statements, str(failed.value)):
        assert "ecret" not in shown
