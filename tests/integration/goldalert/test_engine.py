"""The engine against a real database."""

import socket
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, exc, text

from goldalert import bootstrap
from goldalert.bootstrap import BaseServices
from goldalert.db.engine import make_engine
from goldalert.db.outage import is_outage
from goldalert.ids import new_id
from goldalert.secrets import DatabaseSecret, ServiceSecret
from goldalert.settings import Settings

ADDRESS = "ada@example.com"


@pytest.fixture
def login(engine: Engine, postgres: DatabaseSecret) -> Iterator[DatabaseSecret]:
    """A role of the test's own, whose password may change."""
    role = f"role_{new_id().hex}"
    with engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD 'first'"))
    yield postgres.model_copy(update={"user": role, "password": SecretStr("first")})
    with engine.begin() as connection:
        connection.execute(text(f"DROP ROLE {role}"))


def set_password(engine: Engine, role: str, password: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"ALTER ROLE {role} PASSWORD '{password}'"))


def test_a_rotated_password_reaches_a_process_that_is_running(
    engine: Engine, login: DatabaseSecret, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S16."""
    current = login
    reads: list[bool] = []

    def read_secret(name: str, model: object, *, fresh: bool = False) -> ServiceSecret:
        reads.append(fresh)
        return ServiceSecret(database=current, redis_url=SecretStr("redis://unused"))

    monkeypatch.setattr(bootstrap, "read_secret", read_secret)
    services = BaseServices(
        Settings.model_validate(
            {
                "stage": "local",
                "powertools_service_name": "test_service",
                "service_secret": "secret",
                "topic_arn_prefix": "arn:",
            }
        )
    )
    services.ping_database()
    for password in ("second", "third"):
        set_password(engine, login.user, password)
        current = login.model_copy(update={"password": SecretStr(password)})
        for _ in range(2):
            services.engine.dispose()
            services.ping_database()
    services.engine.dispose()
    assert reads == [False, True, True]


def test_a_login_that_stays_refused_is_an_outage(engine: Engine, login: DatabaseSecret) -> None:
    set_password(engine, login.user, "second")
    with pytest.raises(exc.DBAPIError) as refused:
        make_engine(login, reread=lambda: login).connect()
    assert is_outage(refused.value)


@pytest.mark.parametrize(
    "statement",
    [
        "SET LOCAL statement_timeout = 1; SELECT pg_sleep(5)",
        "SET LOCAL lock_timeout = 1; LOCK TABLE outbox",
    ],
    ids=["statement_timeout", "lock_timeout"],
)
def test_a_server_that_is_too_busy_is_an_outage(engine: Engine, statement: str) -> None:
    with engine.begin() as other:
        other.execute(text("LOCK TABLE outbox"))
        with pytest.raises(exc.DBAPIError) as busy, engine.begin() as connection:
            for part in statement.split(";"):
                connection.execute(text(part))
    assert is_outage(busy.value)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO people VALUES (:email, -1)",
        "INSERT INTO people VALUES (:email, 1), (:email, 1)",
    ],
    ids=["check", "unique"],
)
def test_an_error_does_not_quote_the_row(engine: Engine, statement: str) -> None:
    """S15."""
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE people (email text UNIQUE, age int CHECK (age > 0))"))
    with pytest.raises(exc.DBAPIError) as failed, engine.begin() as connection:
        connection.execute(text(statement), {"email": ADDRESS})
    trace = "".join(traceback.format_exception(failed.value))
    assert "violates" in trace
    assert ADDRESS not in trace


def test_a_value_that_the_driver_cannot_send_gives_nobody_the_wrong_answer(engine: Engine) -> None:
    """What it had asked before would be answered to the next statement on the connection."""
    no_time_in_utc = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
    with pytest.raises(OverflowError), engine.begin() as connection:
        connection.execute(text("SELECT CAST(:time AS timestamptz)"), {"time": no_time_in_utc})

    for number in range(3):
        with engine.begin() as connection:
            assert connection.execute(text("SELECT :n + 0"), {"n": number}).scalar() == number


def test_times_are_in_utc_whatever_the_servers_own_zone(
    engine: Engine, login: DatabaseSecret
) -> None:
    with engine.begin() as connection:
        connection.execute(text(f"ALTER ROLE {login.user} SET timezone = 'Asia/Kolkata'"))
    own = make_engine(login)

    with own.begin() as connection:
        written = connection.execute(
            text("SELECT to_json(CAST('2026-08-18T16:00:00Z' AS timestamptz))")
        ).scalar_one()

    own.dispose()
    assert written == "2026-08-18T16:00:00+00:00"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-08-18 16:00:00.123456+02", datetime(2026, 8, 18, 14, 0, 0, 123456, tzinfo=UTC)),
        ("0001-01-01 00:00:00+00", datetime(1, 1, 1, tzinfo=UTC)),
        ("infinity", "infinity"),
        ("20000-01-01 00:00:00+00", "20000-01-01 00:00:00+00"),
    ],
)
def test_times_are_read_as_what_they_are(
    engine: Engine, written: str, read: datetime | str
) -> None:
    with engine.begin() as connection:
        value = connection.execute(text(f"SELECT CAST('{written}' AS timestamptz)")).scalar_one()
    assert value == read


def test_what_is_sent_is_sent_at_once(engine: Engine) -> None:
    with engine.connect() as connection:
        sock = connection.connection.dbapi_connection._usock
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
