"""Sessions and tokens against a plain model: the same ones are good, always (S5, S6, R12).

Users sign in, refresh with any token that they ever had, sign out here or everywhere, change their
password and are disabled, in random order, while the clock moves and Redis forgets.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, text

from auth_service.domain import AccessClaims
from auth_service.errors import SessionEndedError, WrongCredentialsError, WrongPasswordError
from auth_service.repository import Repository
from auth_service.schemas import ManagedUserChange, TokenPair
from auth_service.use_cases import administration, sessions
from auth_service.use_cases.ports import Accounts
from goldalert.db.engine import make_engine
from goldalert.db.unit_of_work import Transaction, UnitOfWork
from goldalert.errors import NotFoundError
from goldalert.secrets import DatabaseSecret
from tests.support.accounts import PASSWORD, Auth, PlainSessionCache

EMAILS = ("ada@example.com", "eve@example.com")
ROOT = "root@example.com"
ACCESS_LIFE = timedelta(minutes=15)
SESSION_LIFE = timedelta(days=30)
REPEAT_WINDOW = timedelta(seconds=10)

OUTSIDE_OF_TIME = [timedelta(seconds=1), timedelta(seconds=10), timedelta(seconds=11)]
LONGER = [timedelta(minutes=14), timedelta(minutes=16), timedelta(days=20), timedelta(days=31)]


@dataclass
class ModelUser:
    password: str = PASSWORD
    version: int = 1
    role: str = "user"
    disabled: bool = False


@dataclass
class ModelSession:
    user: ModelUser
    ends_at: datetime
    is_over: bool = False
    newest: int = 1
    renewed_at: datetime | None = None

    def stands(self, now: datetime) -> bool:
        return not self.is_over and not self.user.disabled and now < self.ends_at


@dataclass(frozen=True)
class ModelAccess:
    session: ModelSession
    version: int
    role: str
    ends_at: datetime

    def is_good(self, now: datetime) -> bool:
        user = self.session.user
        return (
            now < self.ends_at
            and self.session.stands(now)
            and (self.version, self.role) == (user.version, user.role)
        )


@dataclass
class ModelRefresh:
    session: ModelSession
    generation: int
    is_known: bool = True

    def is_repeated_theft(self, now: datetime) -> bool:
        newest, renewed_at = self.session.newest, self.session.renewed_at
        if self.generation == newest:
            return False
        is_second_tab = (
            self.generation == newest - 1
            and renewed_at is not None
            and now - renewed_at <= REPEAT_WINDOW
        )
        return not is_second_tab

    def is_good(self, now: datetime) -> bool:
        return self.is_known and self.session.stands(now) and not self.is_repeated_theft(now)


@dataclass
class Notary:
    """Signs by remembering what was signed."""

    signed: dict[str, AccessClaims] = field(default_factory=dict)

    def sign(self, claims: AccessClaims, now: datetime) -> str:
        token = f"access token {len(self.signed)}"
        self.signed[token] = claims
        return token


class Rehearsal(UnitOfWork[Accounts]):
    """Transactions that never happened: to see what would be answered."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, Repository)
        self._own_engine = engine

    @contextmanager
    def begin(self) -> Iterator[Transaction[Accounts]]:
        with self._own_engine.connect() as connection:
            yield Transaction(Repository(connection), connection)
            connection.rollback()


class LifeCycle(RuleBasedStateMachine):
    def __init__(self, engine: Engine) -> None:
        super().__init__()
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM users"))
            connection.execute(text("DELETE FROM outbox"))
        self.notary = Notary()
        self.auth = Auth(UnitOfWork(engine, Repository), engine, signer=self.notary)
        self.users = {email: ModelUser() for email in EMAILS}
        self.ids: dict[str, UUID] = {}
        self.sessions: dict[UUID, ModelSession] = {}
        self.access: dict[str, ModelAccess] = {}
        self.refresh: dict[str, ModelRefresh] = {}

    @property
    def now(self) -> datetime:
        return self.auth.clock.now()

    @initialize()
    def users_registered_and_signed_in(self) -> None:
        for email in (ROOT, *EMAILS):
            self.auth.register(email)
        with self.auth.engine.begin() as connection:
            rows = connection.execute(text("SELECT email, id FROM users"))
            self.ids = {row.email: row.id for row in rows}
            connection.execute(
                text("UPDATE users SET role = 'admin' WHERE email = :root"), {"root": ROOT}
            )
            # nobody becomes an admin before
            connection.execute(text("UPDATE users SET verified_at = now()"))
        for email in EMAILS:
            self.login(email, mistyped=False)

    def remember(self, pair: TokenPair, session: ModelSession, generation: int) -> None:
        user = session.user
        self.access[pair.access_token] = ModelAccess(
            session, user.version, user.role, self.now + ACCESS_LIFE
        )
        self.refresh[pair.refresh_token] = ModelRefresh(session, generation)

    def caller(self, data: st.DataObject) -> tuple[AccessClaims, ModelSession] | None:
        """Somebody whom the authorizer lets in."""
        good = [token for token, access in self.access.items() if access.is_good(self.now)]
        if not good:
            return None
        token = data.draw(st.sampled_from(good), label="caller")
        return self.notary.signed[token], self.access[token].session

    def end_all(self, user: ModelUser, but: ModelSession | None = None) -> None:
        for session in self.sessions.values():
            if session.user is user and session is not but:
                session.is_over = True

    @rule(email=st.sampled_from(EMAILS), mistyped=st.sampled_from([False, False, False, True]))
    def login(self, email: str, mistyped: bool) -> None:
        user = self.users[email]
        password = "a mistyped password" if mistyped else user.password
        try:
            pair = self.auth.login(email, password)
        except WrongCredentialsError:
            assert mistyped or user.disabled
            return
        assert not mistyped
        assert not user.disabled
        session = ModelSession(user, self.now + SESSION_LIFE)
        self.sessions[self.notary.signed[pair.access_token].session_id] = session
        self.remember(pair, session, generation=1)

    @precondition(lambda self: self.refresh)
    @rule(data=st.data())
    def refresh_with_any_token(self, data: st.DataObject) -> None:
        token = data.draw(st.sampled_from(list(self.refresh)), label="token")
        known = self.refresh[token]
        was_good = known.is_good(self.now)
        try:
            pair = self.auth.refresh(token)
        except SessionEndedError:
            assert not was_good
            if known.is_known and known.is_repeated_theft(self.now):
                known.session.is_over = True
            return
        assert was_good
        if known.session.newest == known.generation:
            known.session.newest, known.session.renewed_at = known.generation + 1, self.now
        self.remember(pair, known.session, known.generation + 1)

    @rule(data=st.data())
    def logout(self, data: st.DataObject) -> None:
        if (found := self.caller(data)) is None:
            return
        caller, session = found
        self.auth.logout(caller.session_id)
        session.is_over = True

    @rule(data=st.data())
    def logout_everywhere(self, data: st.DataObject) -> None:
        if (found := self.caller(data)) is None:
            return
        caller, session = found
        sessions.logout_everywhere(
            self.auth.unit_of_work,
            self.auth.clock,
            self.auth.session_cache,
            user_id=caller.user_id,
        )
        self.end_all(session.user)

    @rule(data=st.data())
    def revoke_any_session(self, data: st.DataObject) -> None:
        if (found := self.caller(data)) is None:
            return
        caller, own = found
        session_id = data.draw(st.sampled_from(list(self.sessions)), label="session")
        session = self.sessions[session_id]
        is_there = session.user is own.user and session.stands(self.now)
        try:
            sessions.revoke_session(
                self.auth.unit_of_work,
                self.auth.clock,
                self.auth.session_cache,
                user_id=caller.user_id,
                session_id=session_id,
            )
        except NotFoundError:
            assert not is_there
            return
        assert is_there
        session.is_over = True

    @rule(data=st.data(), mistyped=st.sampled_from([False, False, True]))
    def change_password(self, data: st.DataObject, mistyped: bool) -> None:
        if (found := self.caller(data)) is None:
            return
        claims, session = found
        user = session.user
        new = f"a long and private sentence of version {user.version}"
        current = "a mistyped password" if mistyped else user.password
        try:
            pair = self.auth.change_password(claims, new, current)
        except WrongPasswordError:
            assert mistyped
            return
        assert not mistyped
        user.password, user.version = new, user.version + 1
        self.end_all(user, but=session)
        for token in self.refresh.values():
            if token.session is session:
                token.is_known = False
        generation = session.newest = session.newest + 2
        session.renewed_at = self.now
        self.remember(pair, session, generation)

    @rule(email=st.sampled_from(EMAILS), change=st.sampled_from(["role", "disabled"]))
    def an_admin_changes_somebody(self, email: str, change: str) -> None:
        user = self.users[email]
        if change == "role":
            user.role = "user" if user.role == "admin" else "admin"
        else:
            user.disabled = not user.disabled
        request: dict[str, Any] = {change: getattr(user, change)}
        administration.change_user(
            self.auth.unit_of_work,
            self.auth.clock,
            self.auth.session_cache,
            changed_by=self.ids[ROOT],
            user_id=self.ids[email],
            request=ManagedUserChange(**request),
        )
        user.version += 1
        self.end_all(user)

    @rule(by=st.sampled_from([*OUTSIDE_OF_TIME * 2, *LONGER]))
    def time_passes(self, by: timedelta) -> None:
        self.auth.clock.time += by

    @rule()
    def redis_forgets(self) -> None:
        self.auth = replace(self.auth, session_cache=PlainSessionCache())

    @rule()
    def old_rows_go(self) -> None:
        sessions.remove_old(self.auth.unit_of_work, self.auth.clock)

    @invariant()
    def the_same_access_tokens_are_good(self) -> None:
        for token, access in self.access.items():
            claims = self.notary.signed[token]
            # the signature's own end is the verifier's business
            is_good = self.now < access.ends_at and self.auth.allows(claims)
            assert is_good == access.is_good(self.now), token

    @invariant()
    def the_same_refresh_tokens_are_good(self) -> None:
        rehearsal = replace(
            self.auth,
            unit_of_work=Rehearsal(self.auth.engine),
            session_cache=PlainSessionCache(),
        )
        for token, known in self.refresh.items():
            try:
                rehearsal.refresh(token)
            except SessionEndedError:
                is_good = False
            else:
                is_good = True
            assert is_good == known.is_good(self.now), token


def test_the_same_tokens_are_good_as_in_a_plain_model(
    database: Callable[[str], DatabaseSecret],
) -> None:
    engine = make_engine(database("auth_service"))
    run_state_machine_as_test(
        lambda: LifeCycle(engine),
        settings=settings(
            max_examples=40,
            stateful_step_count=20,
            deadline=None,
            database=None,
            phases=[Phase.generate],  # its steps are readable as they are, and shrinking is slow
            suppress_health_check=list(HealthCheck),
        ),
    )
    engine.dispose()
