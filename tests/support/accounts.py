"""The auth service's actions, with everything but what a test is about filled in."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.event import listen, remove

from auth_service.domain import AccessClaims, Client
from auth_service.repository import Repository
from auth_service.schemas import (
    ChangePasswordRequest,
    LoginRequest,
    RegisterRequest,
    ResetPasswordRequest,
    TokenPair,
    TwoFactorProof,
)
from auth_service.use_cases import authorization, passwords, registration, sessions, two_factor
from auth_service.use_cases.ports import Accounts, Codes, Passwords, SessionCache, Signer, Throttle
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.events.catalogue import AnyEvent, parse_event
from goldalert.http.caller import Caller
from goldalert.rate_limiting import RateLimit

PASSWORD = "correct horse battery"
NETWORK = "203.0.113.7"


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

    def is_cheap(self, password_hash: str) -> bool:
        return False


class PlainSigner:
    def sign(self, claims: AccessClaims, now: datetime) -> str:
        return str(claims.session_id)


class PlainSeal:
    def seal(self, text: str) -> str:
        return f"sealed {text}"


class PlainCodes:
    """A code is the time step itself: six digits that say when they are from."""

    def new_secret(self) -> tuple[str, str]:
        return "secret", "sealed secret"

    def uri(self, secret: str, email: str) -> str:
        return f"otpauth://totp/{email}?secret={secret}"

    def step(self, sealed_secret: str, code: str, now: datetime) -> int | None:
        present = int(now.timestamp()) // 30
        steps = {f"{step % 1_000_000:06}": step for step in range(present - 1, present + 2)}
        return steps.get(code)


@dataclass
class PlainSessionCache:
    """What Redis keeps, without its times to live."""

    uses: dict[UUID, datetime] = field(default_factory=dict)
    denied: set[UUID] = field(default_factory=set)

    def note_use(self, session_id: UUID, now: datetime) -> bool:
        self.uses[session_id] = now
        return session_id not in self.denied

    def forget_use(self, session_id: UUID) -> None:
        self.uses.pop(session_id, None)

    def last_uses(self, session_ids: Sequence[UUID]) -> dict[UUID, datetime]:
        return {known: self.uses[known] for known in session_ids if known in self.uses}

    def deny(self, session_ids: Sequence[UUID]) -> None:
        self.denied.update(session_ids)


class NoThrottle:
    """Lets everybody try as often as they like: throttling has its own tests."""

    def check(self, limit: RateLimit, *who: str) -> None: ...
    def take(self, limit: RateLimit, *who: str) -> None: ...
    def note(self, limit: RateLimit, *who: str) -> None: ...
    def forgive(self, limit: RateLimit, *who: str) -> None: ...


@dataclass
class Auth:
    """The service's actions with everything but what a test is about filled in."""

    unit_of_work: UnitOfWork[Accounts]
    engine: Engine
    clock: FixedClock = field(default_factory=FixedClock)
    passwords: Passwords = field(default_factory=PlainPasswords)
    signer: Signer = field(default_factory=PlainSigner)
    codes: Codes = field(default_factory=PlainCodes)
    session_cache: SessionCache = field(default_factory=PlainSessionCache)
    throttle: Throttle = field(default_factory=NoThrottle)

    def register(self, email: str = "ada@example.com", password: str = PASSWORD) -> None:
        registration.register(
            self.unit_of_work,
            self.clock,
            self.passwords,
            PlainSeal(),
            self.throttle,
            request=RegisterRequest(email=email, password=password, name="Ada"),
            network=NETWORK,
        )

    def login(
        self,
        email: str = "ada@example.com",
        password: str = PASSWORD,
        totp: str | None = None,
        network: str = NETWORK,
    ) -> TokenPair:
        return sessions.login(
            self.unit_of_work,
            self.clock,
            self.passwords,
            self.signer,
            self.codes,
            self.session_cache,
            self.throttle,
            request=LoginRequest(email=email, password=password, totp=totp),
            client=Client("Firefox", network),
        )

    def refresh(self, token: str, network: str = NETWORK) -> TokenPair:
        return sessions.refresh(
            self.unit_of_work,
            self.clock,
            self.signer,
            self.session_cache,
            self.throttle,
            refresh_token=token,
            network=network,
        )

    def verify_email(self, token: str, network: str = NETWORK) -> None:
        registration.verify_email(
            self.unit_of_work, self.clock, self.throttle, token=token, network=network
        )

    def resend_verification(self, user_id: UUID) -> None:
        registration.resend_verification(
            self.unit_of_work, self.clock, PlainSeal(), self.throttle, user_id=user_id
        )

    def forget(self, email: str = "ada@example.com", network: str = NETWORK) -> None:
        passwords.forgot_password(
            self.unit_of_work,
            self.clock,
            PlainSeal(),
            self.throttle,
            email=email,
            network=network,
        )

    def reset(self, token: str, password: str, network: str = NETWORK) -> None:
        passwords.reset_password(
            self.unit_of_work,
            self.clock,
            self.passwords,
            self.session_cache,
            self.throttle,
            request=ResetPasswordRequest(token=token, password=password),
            network=network,
        )

    def change_password(
        self, claims: AccessClaims, password: str, current: str = PASSWORD
    ) -> TokenPair:
        return passwords.change_password(
            self.unit_of_work,
            self.clock,
            self.passwords,
            self.signer,
            self.session_cache,
            self.throttle,
            caller=Caller(claims.user_id, claims.role, claims.session_id),
            request=ChangePasswordRequest(current_password=current, password=password),
        )

    def enable_two_factor(self, user_id: UUID, code: str, password: str = PASSWORD) -> list[str]:
        """Enable it in the user's newest session; return the recovery codes."""
        with self.unit_of_work.begin() as tx:
            newest = tx.repository.sessions(user_id, self.clock.now(), after=None, limit=1)
        return two_factor.enable(
            self.unit_of_work,
            self.clock,
            self.passwords,
            self.codes,
            self.session_cache,
            self.throttle,
            caller=Caller(user_id, "user", newest[0].session_id),
            request=TwoFactorProof(password=password, code=code),
        ).recovery_codes

    def logout(self, session_id: UUID) -> None:
        sessions.logout(
            self.unit_of_work,
            self.clock,
            self.session_cache,
            user_id=self.claims(str(session_id)).user_id,
            session_id=session_id,
        )

    def published(self) -> list[str]:
        with self.engine.begin() as connection:
            return list(
                connection.execute(text("SELECT message FROM outbox ORDER BY id")).scalars()
            )

    def events(self) -> list[AnyEvent]:
        return [parse_event(message) for message in self.published()]

    def verification_token(self) -> str:
        """The token of the newest link to verify the address."""
        return self._newest_token("sealed_verification_token")

    def reset_token(self) -> str:
        """The token of the newest link to choose a password."""
        return self._newest_token("sealed_reset_token")

    def _newest_token(self, name: str) -> str:
        found = [getattr(event.data, name, None) for event in self.events()]
        return str([sealed for sealed in found if sealed][-1]).removeprefix("sealed ")

    def claims(self, session_id: str) -> AccessClaims:
        with self.engine.begin() as connection:
            session = Repository(connection).session(UUID(session_id))
        assert session is not None
        return AccessClaims(
            session.user_id, session.session_id, session.role, session.session_version
        )

    def allows(self, claims: AccessClaims) -> bool:
        return authorization.authorize(self.unit_of_work, self.clock, self.session_cache, claims)


def race[Result](auth: Auth, contenders: int, action: Callable[[Auth], Result]) -> list[Result]:
    """Let contenders with a connection each act at the same moment; return what came of it."""
    start = threading.Barrier(contenders)

    def contend(_: int) -> Result:
        engine = create_engine(auth.engine.url)
        try:
            with engine.connect():  # connected before the start, so that the actions do overlap
                pass
            start.wait()
            return action(replace(auth, unit_of_work=UnitOfWork(engine, Repository), engine=engine))
        finally:
            engine.dispose()

    with ThreadPoolExecutor(contenders) as threads:
        return list(threads.map(contend, range(contenders)))


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """Note the statements that are sent to the database."""
    sent: list[str] = []

    def note(*args: Any) -> None:
        sent.append(args[2])

    listen(engine, "before_cursor_execute", note)
    yield sent
    remove(engine, "before_cursor_execute", note)
