"""The engine: verified TLS, one small pool per process."""

import ssl
from ipaddress import ip_address
from typing import TYPE_CHECKING

from goldalert.secrets import DatabaseSecret

if TYPE_CHECKING:
    from sqlalchemy import Engine

_SOCKET_TIMEOUT_SECONDS = 15


class InsecureDatabaseError(Exception):
    """The secret asks for a connection without TLS to another machine."""


def make_engine(database: DatabaseSecret) -> "Engine":
    """Return the engine for a database.

    A function handles one request at a time, so the pool keeps one connection and lends a second
    one for work inside work. A connection is tried before use (`pool_pre_ping`), since a frozen
    function cannot notice that the server went away.

    Raises:
        InsecureDatabaseError: `sslmode` is `disable` for a host other than the loopback address.
    """
    from sqlalchemy import URL, create_engine

    return create_engine(
        URL.create(
            "postgresql+pg8000",
            username=database.user,
            password=database.password.get_secret_value(),
            host=database.host,
            port=database.port,
            database=database.dbname,
        ),
        connect_args={"ssl_context": _tls(database), "timeout": _SOCKET_TIMEOUT_SECONDS},
        pool_size=1,
        max_overflow=1,
        pool_timeout=3,
        pool_pre_ping=True,
        # an error's text goes to the log, where no address or token may be (S15)
        hide_parameters=True,
    )


def _tls(database: DatabaseSecret) -> ssl.SSLContext | None:
    if database.sslmode != "disable":
        # built once per engine: a context costs 47 ms, and the driver's own does not verify
        return ssl.create_default_context()
    if not _is_loopback(database.host):
        raise InsecureDatabaseError(f"TLS may not be disabled for {database.host}")
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
