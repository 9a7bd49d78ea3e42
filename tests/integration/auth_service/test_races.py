"""What happens while something else is under way: each waits for the other at one chosen moment."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy import create_engine, text

from auth_service.errors import SessionEndedError, TokenRefusedError
from auth_service.repository import Repository
from auth_service.use_cases import two_factor
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.errors import ConflictError
from tests.support.accounts import Auth, PlainCodes

NEW_PASSWORD = "eleven purple elephants"


class Other:
    """Another process: it acts with connections of its own, until it waits for a lock."""

    def __init__(self, auth: Auth) -> None:
        self.engine = create_engine(auth.engine.url)
        self._auth = replace(
            auth, unit_of_work=UnitOfWork(self.engine, Repository), engine=self.engine
        )
        self._threads = ThreadPoolExecutor(1)

    def act(self, action: Callable[[Auth], object]) -> Future[object]:
        """Begin an action; return when it waits, or is done."""
        begun = self._threads.submit(action, self._auth)
        deadline = time.monotonic() + 20
        while not begun.done() and not self._waits():
            assert time.monotonic() < deadline
            wait([begun], timeout=0.01)
        return begun

    def _waits(self) -> bool:
        with self.engine.connect() as connection:
            return bool(
                connection.execute(
                    text(
                        "SELECT EXISTS (SELECT FROM pg_stat_activity "
                        "WHERE datname = current_database() AND wait_event_type = 'Lock')"
                    )
                ).scalar_one()
            )


@pytest.fixture
def other(auth: Auth) -> Iterator[Other]:
    made = Other(auth)
    yield made
    made.engine.dispose()


def test_two_links_of_one_account_do_not_wait_for_each_other(auth: Auth, other: Other) -> None:
    auth.register()
    to_verify = auth.verification_token()
    auth.forget()
    user_id = auth.login().user_id
    with auth.unit_of_work.begin() as tx:  # a reset
        tx.repository.lock_account(user_id)
        verifying = other.act(lambda own: own.verify_email(to_verify))
        tx.repository.remove_tokens(user_id, "reset_password", "verify_email")
    with pytest.raises(TokenRefusedError):
        verifying.result()


def test_a_refresh_during_the_owners_change_of_password_is_no_theft(
    auth: Auth, other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S5."""
    auth.register()
    pair = auth.login()
    begin, refreshing = Repository.next_generation, list[Future[object]]()

    def begin_during_refresh(own: Repository, session_id: UUID, now: datetime) -> int | None:
        generation = begin(own, session_id, now)
        refreshing.append(other.act(lambda own: own.refresh(pair.refresh_token)))
        return generation

    monkeypatch.setattr(Repository, "next_generation", begin_during_refresh)
    new = auth.change_password(auth.claims(pair.access_token), NEW_PASSWORD)
    with pytest.raises(SessionEndedError):
        refreshing[0].result()
    assert auth.refresh(new.refresh_token)
    assert auth.allows(auth.claims(new.access_token))


def test_a_second_set_up_does_not_change_the_secret_whose_code_is_checked(
    auth: Auth, other: Other
) -> None:
    auth.register()
    auth.verify_email(auth.verification_token())
    user_id = auth.login().user_id
    second = list[Future[object]]()

    class Numbered(PlainCodes):
        def new_secret(self) -> tuple[str, str]:
            return "", f"sealed secret {len(second)}"

        def step(self, sealed_secret: str, code: str, now: datetime) -> int | None:
            second.append(other.act(set_up))
            return super().step(sealed_secret, code, now)

    def set_up(own: Auth) -> object:
        return two_factor.set_up(own.unit_of_work, auth.codes, user_id=user_id)

    auth.codes = Numbered()
    set_up(auth)
    auth.enable_two_factor(user_id, f"{int(auth.clock.now().timestamp()) // 30 % 1_000_000:06}")
    with pytest.raises(ConflictError):
        second[0].result()
    with auth.unit_of_work.begin() as tx:
        factor = tx.repository.two_factor(user_id)
    assert factor is not None
    assert (factor.enabled, factor.sealed_secret) == (True, "sealed secret 0")
