"""Accounts and sessions against a real database."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine, create_engine, text

from auth_service import use_cases
from auth_service.domain import AccessClaims
from auth_service.errors import SessionEndedError, TokenRefusedError, WrongCredentialsError
from auth_service.repository import Repository
from auth_service.schemas import Me
from auth_service.use_cases import Accounts
from goldalert.db.engine import make_engine
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.errors import NotFoundError
from goldalert.events.catalogue import parse_event
from goldalert.ids import new_id
from goldalert.secrets import DatabaseSecret

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
            text("SELECT value FROM tokens UNION ALL SELECT hash FROM refresh_tokens")
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


def test_of_twenty_racing_verifications_one_wins(auth: Auth) -> None:
    """S7."""
    auth.register()
    token = auth.verification_token()

    def verify(own: Auth) -> bool:
        try:
            use_cases.verify_email(own.unit_of_work, own.clock, token=token)
        except TokenRefusedError:
            return False
        return True

    assert sorted(race(auth, 20, verify)) == [False] * 19 + [True]


def test_a_user_sees_their_account(auth: Auth) -> None:
    auth.register()
    user_id = auth.login().user_id
    seen = use_cases.me(auth.unit_of_work, user_id=user_id)
    assert seen == Me(user_id=user_id, email="ada@example.com", email_verified=False, role="user")
    use_cases.verify_email(auth.unit_of_work, auth.clock, token=auth.verification_token())
    assert use_cases.me(auth.unit_of_work, user_id=user_id).email_verified


def test_an_erased_user_has_no_account(auth: Auth) -> None:
    with pytest.raises(NotFoundError):
        use_cases.me(auth.unit_of_work, user_id=new_id())


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
    auth.clock.time += timedelta(seconds=11)
    with pytest.raises(SessionEndedError):
        auth.refresh(first.refresh_token)
    assert not auth.allows(claims)
    with pytest.raises(SessionEndedError):
        auth.refresh(second.refresh_token)


@pytest.mark.parametrize("later", [timedelta(0), timedelta(days=1)], ids=["at once", "a day later"])
@pytest.mark.parametrize("exchanges", [2, 3])
def test_a_token_whose_successor_was_used_ends_the_session(
    auth: Auth, exchanges: int, later: timedelta
) -> None:
    """S5: a thief who refreshes on and on is found out when the owner comes with the old token."""
    auth.register()
    stolen = newest = auth.login()
    for _ in range(exchanges):
        newest = auth.refresh(newest.refresh_token)
    claims = auth.claims(newest.access_token)
    auth.clock.time += later
    with pytest.raises(SessionEndedError):
        auth.refresh(stolen.refresh_token)
    assert not auth.allows(claims)
    with pytest.raises(SessionEndedError):
        auth.refresh(newest.refresh_token)


@pytest.mark.parametrize("tabs", [2, 20])
def test_parallel_refreshes_all_end_well(auth: Auth, tabs: int) -> None:
    """S5."""
    auth.register()
    first = auth.login()
    pairs = race(auth, tabs, lambda own: own.refresh(first.refresh_token))
    assert len({pair.refresh_token for pair in pairs}) == tabs
    assert auth.allows(auth.claims(first.access_token))
    auth.clock.time += timedelta(minutes=15)
    assert auth.refresh(pairs[-1].refresh_token)


def test_two_who_hold_a_token_each_of_one_exchange_are_found_out(auth: Auth) -> None:
    """S5: a thief who was as quick as the owner."""
    auth.register()
    first = auth.login()
    owners, thiefs = auth.refresh(first.refresh_token), auth.refresh(first.refresh_token)
    auth.refresh(thiefs.refresh_token)
    auth.clock.time += timedelta(minutes=15)
    with pytest.raises(SessionEndedError):
        auth.refresh(owners.refresh_token)
    assert not auth.allows(auth.claims(first.access_token))


def test_a_reused_token_of_one_session_leaves_the_other_alone(auth: Auth) -> None:
    auth.register()
    phone, desk = auth.login(), auth.login()
    auth.refresh(auth.refresh(phone.refresh_token).refresh_token)
    with pytest.raises(SessionEndedError):
        auth.refresh(phone.refresh_token)
    assert auth.refresh(desk.refresh_token)


def test_a_session_that_is_over_is_not_refreshed(auth: Auth) -> None:
    """S6."""
    auth.register()
    pair = auth.login()
    claims = auth.claims(pair.access_token)
    use_cases.logout(auth.unit_of_work, auth.clock, session_id=claims.session_id)
    with pytest.raises(SessionEndedError):
        auth.refresh(pair.refresh_token)
