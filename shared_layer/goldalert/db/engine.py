"""The engine: verified TLS, one small pool per process, a password that may change."""

import socket
import ssl
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from goldalert.db.outage import sqlstate
from goldalert.loopback import is_loopback
from goldalert.secrets import DatabaseSecret

if TYPE_CHECKING:
    from sqlalchemy import Dialect, Engine, ExceptionContext
    from sqlalchemy.engine.interfaces import DBAPIConnection

_SOCKET_TIMEOUT_SECONDS = 15

_QUOTING_FIELDS = ("D", "W", "q")
"""Fields of an error: detail ("Failing row contains …"), context, and the statement inside it
(https://www.postgresql.org/docs/current/protocol-error-fields.html)."""

_REFUSED_LOGIN = ("28P01", "28000")
"""SQLSTATEs: wrong password, no such role or no right to log in."""


class InsecureDatabaseError(Exception):
    """The secret asks for a connection without TLS to another machine."""


def make_engine(
    database: DatabaseSecret, *, reread: Callable[[], DatabaseSecret] | None = None
) -> "Engine":
    """Return the engine for a database.

    A function handles one request at a time, so the pool keeps one connection and lends a second
    one for work inside work. A connection is tried before use (`pool_pre_ping`), since a frozen
    function cannot notice that the server went away.

    Args:
        database: where the database is, and whom to log in as.
        reread: returns the secret as it is now. It is asked when the server refuses the login, so
            that a rotated password reaches a process that is already running.

    Raises:
        InsecureDatabaseError: `sslmode` is `disable` for a host other than the loopback address.
    """
    from sqlalchemy import URL, create_engine

    engine = create_engine(
        URL.create(
            "postgresql+pg8000",
            username=database.user,
            password=database.password.get_secret_value(),
            host=database.host,
            port=database.port,
            database=database.dbname,
        ),
        connect_args={
            "ssl_context": _tls(database),
            "timeout": _SOCKET_TIMEOUT_SECONDS,
            # times that the server itself writes into JSON
            "startup_params": {"TimeZone": "UTC"},
        },
        pool_size=1,
        max_overflow=1,
        pool_timeout=3,
        pool_pre_ping=True,
        # an error's text goes to the log, where no address or token may be (S15)
        hide_parameters=True,
    )
    _set_up_connections(engine)
    _shorten_errors(engine)
    _leave_conversations_that_broke_off(engine)
    if reread:
        _renew_login(engine, reread)
    return engine


def _set_up_connections(engine: "Engine") -> None:
    """Send at once, and read times fast.

    The driver sends a statement in several writes. A large one would wait each time until the
    server acknowledges the first of them, which it delays by 40 ms. And it reads a `timestamptz`
    with `strptime`, ten times as slow as Python can.
    """
    from pg8000.converters import TIMESTAMPTZ, timestamptz_in
    from sqlalchemy import event

    def read(text: str) -> datetime | str:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            # infinity, and years that Python has not
            unread: datetime | str = timestamptz_in(text)
            return unread

    @event.listens_for(engine, "connect")
    def connect(connection: Any, record: object) -> None:
        # it offers no other way to its socket
        connection._usock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.register_in_adapter(TIMESTAMPTZ, read)


def _shorten_errors(engine: "Engine") -> None:
    """Drop what of a row or a statement the server's errors quote."""
    from sqlalchemy import event

    @event.listens_for(engine, "handle_error")
    def shorten(context: "ExceptionContext") -> None:
        original, shown = context.original_exception, context.sqlalchemy_exception
        details = original.args[0] if original.args else None
        if shown is None or not isinstance(details, dict):
            return
        for field in _QUOTING_FIELDS:
            details.pop(field, None)
        # its text was made before
        shown.args = (f"({type(original).__module__}.{type(original).__name__}) {original}",)


def _leave_conversations_that_broke_off(engine: "Engine") -> None:
    """Close a connection on which something else than the server's own errors was raised.

    The driver has asked the server something then, and not heard the answer, which the next
    statement on the connection would take for its own. It does so when it cannot send a value, such
    as a time that is out of range in UTC, or cannot read one.
    """
    from sqlalchemy import event

    @event.listens_for(engine, "handle_error")
    def leave(context: "ExceptionContext") -> None:
        if not isinstance(context.original_exception, context.dialect.loaded_dbapi.Error):
            context.is_disconnect = True
            context.invalidate_pool_on_disconnect = False


def _renew_login(engine: "Engine", reread: Callable[[], DatabaseSecret]) -> None:
    from sqlalchemy import event

    login: dict[str, str] = {}

    @event.listens_for(engine, "do_connect")
    def connect(
        dialect: "Dialect", record: object, args: list[Any], kwargs: dict[str, Any]
    ) -> "DBAPIConnection":
        try:
            return dialect.connect(*args, **kwargs | login)
        except dialect.loaded_dbapi.Error as error:
            if sqlstate(error) not in _REFUSED_LOGIN:
                raise
        now = reread()
        login.update(user=now.user, password=now.password.get_secret_value())
        return dialect.connect(*args, **kwargs | login)


def _tls(database: DatabaseSecret) -> ssl.SSLContext | None:
    if database.sslmode != "disable":
        # built once per engine: a context costs 47 ms, and the driver's own does not verify
        return ssl.create_default_context()
    if not is_loopback(database.host):
        raise InsecureDatabaseError(f"TLS may not be disabled for {database.host}")
    return None
