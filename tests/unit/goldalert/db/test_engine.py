"""How the database is reached."""

import ssl

import pytest
from pydantic import SecretStr
from sqlalchemy import event

from goldalert.db.engine import InsecureDatabaseError, make_engine
from goldalert.secrets import DatabaseSecret


def secret(host: str, sslmode: str = "verify-full") -> DatabaseSecret:
    return DatabaseSecret(
        host=host, user="u", password=SecretStr("hidden"), dbname="d", sslmode=sslmode
    )


def tls(host: str, sslmode: str = "verify-full") -> ssl.SSLContext | None:
    """Return the TLS context that a connection would get."""
    engine = make_engine(secret(host, sslmode))
    seen: list[ssl.SSLContext | None] = []

    @event.listens_for(engine, "do_connect")
    def remember(dialect: object, record: object, args: object, kwargs: dict[str, object]) -> None:
        seen.append(kwargs["ssl_context"])  # type: ignore[arg-type]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        engine.connect()
    return seen[0]


def test_tls_is_verified_by_certificate_and_name() -> None:
    """S17."""
    context = tls("db.example.com")
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_only_the_loopback_address_may_go_without_tls(host: str) -> None:
    """S17."""
    assert tls(host, "disable") is None


@pytest.mark.parametrize("host", ["db.example.com", "10.0.0.1", "0.0.0.0"])  # noqa: S104
def test_another_machine_is_never_asked_in_clear(host: str) -> None:
    """S17."""
    with pytest.raises(InsecureDatabaseError):
        make_engine(secret(host, "disable"))


def test_the_password_shows_in_no_representation() -> None:
    """S16."""
    assert "hidden" not in repr(secret("localhost")) + repr(make_engine(secret("db.example.com")))
