"""Accounts and sessions against a real database."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from auth_service import use_cases
from auth_service.domain import AccessClaims
from auth_service.errors import SessionEndedError, TokenRefusedError, WrongCredentialsError
from auth_service.repository import Repository
from auth_service.use_cases import Accounts
from goldalert.db.engine import make_engine
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.events.catalogue import parse_event
from goldalert.secrets import DatabaseSecret

PASSWORD = "correct horse battery"


@dataclass
class FixedClock:
    time: datetime = field(default_factory=lambda: datetime(2026, 11, 24, 12, tzinfo=UTC))

    def now(self) -> datetime:
        return self.time


class PlainPasswords:
    """Hashes nothing: bcrypt has its own tests and takes a quarter of a second."""

    def hash(self, password: str) -> str:
        return f"hash of {password}"

    def verify(self, password: str, password_hash: str | None) -> bool:
        return password_hash == f"hash of {password}"


class PlainSigner:
    def sign(self, claims: AccessClaims, now: datetime) -> str:
        return str(claims.session_id)


class PlainSeal:
    def seal(self, text: str) -> str:
        return f"sealed {text}"


@dataclass
class Auth:
    """The service's actions with everything but what a test is about filled in."""

    unit_of_work: UnitOfWork[Accounts]
    engine: Engine
    clock: FixedClock = field(default_factory=FixedClock)

    def register(self, email: str = "ada@example.com") -> None:
        use_cases.register(
            self.unit_of_work,
            self.clock,
            PlainPasswords(),
            PlainSeal(),
            email=email,
            password=PASSWORD,
            name="Ada",
        )

    def login(self, email: str = "ada@example.com", password: str = PASSWORD):  # type: ignore[no-untyped-def]
        return use_cases.login(
            self.unit_of_work,
            self.clock,
            PlainPasswords(),
            PlainSigner(),
            email=email,
            password=password,
        )

    def refresh(self, token: str):  # type: ignore[no-untyped-def]
        return use_cases.refresh(self.unit_of_work, self.clock, PlainSigner(), refresh_token=token)

    def published(self) -> list[str]:
        with self.engine.begin() as connection:
            return list(
                connection.execute(text("SELECT message FROM outbox ORDER BY id")).scalars()
            )

    def verification_token(self) -> str:
        sealed = parse_event(self.published()[0]).data.sealed_verification_token
        return str(sealed).removeprefix("sealed ")

    def claims(self, session_id: str) -> AccessClaims:
        with self.engine.begin() as connection:
            session = Repository(connection).session(UUID(session_id))
        assert session is not None
        return AccessClaims(
            session.user_id, session.session_id, session.role, session.session_version
        )

    def allows(self, claims: AccessClaims) -> bool:
        return use_cases.authorize(self.unit_of_work, self.clock, claims)


@pytest.fixture
def auth(database: Callable[[str], DatabaseSecret]) -> Iterator[Auth]:
    engine = make_engine(database("auth_service"))
    yield Auth(UnitOfWork(engine, Repository), engine)
    engine.dispose()


def test_registering_publishes_one_event_with_the_sealed_token_and_no_password(auth: Auth) -> None:
    auth.register()
    [message] = auth.published()
    event = parse_event(message)
    assert (event.event_type, event.data.email, event.data.name) == (
        "user_registered",
        "ada@example.com",
        "Ada",
    )
    assert PASSWORD not in message


def test_registering_a_known_address_changes_and_publishes_nothing(auth: Auth) -> None:
    """S2."""
    auth.register()
    auth.register()
    assert len(auth.published()) == 1


def test_no_token_is_stored_in_clear(auth: Auth) -> None:
    """S7."""
    auth.register()
    refresh_token = auth.login().refresh_token
    with auth.engine.begin() as connection:
        stored = connection.execute(
            text("SELECT value FROM tokens UNION ALL SELECT token FROM sessions")
        ).scalars()
        assert not {auth.verification_token(), refresh_token} & set(stored)


def test_a_verification_token_works_once(auth: Auth) -> None:
    """S7."""
    auth.register()
    token = auth.verification_token()
    use_cases.verify_email(auth.unit_of_work, auth.clock, token=token)
    assert [parse_event(m).event_type for m in auth.published()] == [
        "user_registered",
        "user_email_verified",
    ]
    with pytest.raises(TokenRefusedError):
        use_cases.verify_email(auth.unit_of_work, auth.clock, token=token)


def test_of_twenty_racing_verifications_one_wins(
    auth: Auth, database: Callable[[str], DatabaseSecret]
) -> None:
    """S7."""
    auth.register()
    token = auth.verification_token()
    won: list[bool] = []
    url = auth.engine.url
    start = threading.Barrier(20)

    def verify() -> None:
        from sqlalchemy import create_engine

        engine = create_engine(url)
        start.wait()
        try:
            use_cases.verify_email(UnitOfWork(engine, Repository), auth.clock, token=token)
            won.append(True)
        except TokenRefusedError:
            won.append(False)
        finally:
            engine.dispose()

    threads = [threading.Thread(target=verify) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 19 + [True]


def test_an_old_verification_token_is_refused(auth: Auth) -> None:
    auth.register()
    token = auth.verification_token()
    auth.clock.time += timedelta(days=3)
    with pytest.raises(TokenRefusedError):
        use_cases.verify_email(auth.unit_of_work, auth.clock, token=token)


@pytest.mark.parametrize(
    ("email", "password"), [("ada@example.com", "wrong password!"), ("eve@example.com", PASSWORD)]
)
def test_wrong_credentials_are_refused_alike(auth: Auth, email: str, password: str) -> None:
    """S2."""
    auth.register()
    with pytest.raises(WrongCredentialsError, match="The address or the password is wrong"):
        auth.login(email, password)


def test_a_logout_ends_the_session_at_once(auth: Auth) -> None:
    """S6."""
    auth.register()
    claims = auth.claims(auth.login().access_token)
    assert auth.allows(claims)
    use_cases.logout(auth.unit_of_work, auth.clock, session_id=claims.session_id)
    assert not auth.allows(claims)


def test_one_logout_leaves_the_other_session_alone(auth: Auth) -> None:
    auth.register()
    phone, desk = auth.claims(auth.login().access_token), auth.claims(auth.login().access_token)
    use_cases.logout(auth.unit_of_work, auth.clock, session_id=phone.session_id)
    assert auth.allows(desk)


@pytest.mark.parametrize("change", ["role = 'admin'", "disabled = true", "session_version = 2"])
def test_a_changed_account_ends_what_tokens_claimed(
    auth: Auth, change: str, postgres: DatabaseSecret
) -> None:
    """S6."""
    auth.register()
    claims = auth.claims(auth.login().access_token)
    with auth.engine.begin() as connection:
        connection.execute(text(f"UPDATE users SET {change}"))
    assert not auth.allows(claims)


def test_a_session_expires(auth: Auth) -> None:
    auth.register()
    claims = auth.claims(auth.login().access_token)
    auth.clock.time += timedelta(days=31)
    assert not auth.allows(claims)


def test_a_refresh_token_is_exchanged_and_its_reuse_ends_the_session(auth: Auth) -> None:
    """S5."""
    auth.register()
    first = auth.login()
    second = auth.refresh(first.refresh_token)
    claims = auth.claims(second.access_token)
    assert auth.allows(claims)
    with pytest.raises(SessionEndedError):
        auth.refresh(first.refresh_token)
    assert not auth.allows(claims)
    with pytest.raises(SessionEndedError):
        auth.refresh(second.refresh_token)
