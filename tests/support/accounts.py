"""The auth service's actions, with everything but what a test is about filled in."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Engine, create_engine, text

from auth_service.domain import AccessClaims
from auth_service.repository import Repository
from auth_service.use_cases import registration, sessions
from auth_service.use_cases.ports import Accounts
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.events.catalogue import parse_event

PASSWORD = "correct horse battery"


@dataclass
class FixedClock:
    time: datetime = field(default_factory=lambda: datetime(2026, 11, 24, 12, tzinfo=UTC))

    def now(self) -> datetime:
        return self.time


class PlainPasswords:
    """Hashes nothing: bcrypt has its own tests and is slow by design."""

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
        registration.register(
            self.unit_of_work,
            self.clock,
            PlainPasswords(),
            PlainSeal(),
            email=email,
            password=PASSWORD,
            name="Ada",
        )

    def login(self, email: str = "ada@example.com", password: str = PASSWORD):  # type: ignore[no-untyped-def]
        return sessions.login(
            self.unit_of_work,
            self.clock,
            PlainPasswords(),
            PlainSigner(),
            email=email,
            password=password,
        )

    def refresh(self, token: str):  # type: ignore[no-untyped-def]
        return sessions.refresh(self.unit_of_work, self.clock, PlainSigner(), refresh_token=token)

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
        return sessions.authorize(self.unit_of_work, self.clock, claims)


def race[Result](auth: Auth, contenders: int, action: Callable[[Auth], Result]) -> list[Result]:
    """Let contenders with a connection each act at the same moment; return what came of it."""
    start = threading.Barrier(contenders)

    def contend(_: int) -> Result:
        engine = create_engine(auth.engine.url)
        try:
            with engine.connect():  # connected before the start, so that the actions do overlap
                pass
            start.wait()
            return action(Auth(UnitOfWork(engine, Repository), engine, auth.clock))
        finally:
            engine.dispose()

    with ThreadPoolExecutor(contenders) as threads:
        return list(threads.map(contend, range(contenders)))
