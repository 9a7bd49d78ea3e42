"""Tombstones on a real database: what is gone stays gone, in any order of messages."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from goldalert.events.emails import EmailSentV1
from goldalert.events.users import UserErasedData, UserErasedV1
from goldalert.ids import new_id
from goldalert.messaging.erasure import StillPublishingError, living_users, mark_erased, recall
from goldalert.messaging.outbox import store
from goldalert.messaging.relay import OutboxRelay, OutboxRow
from tests.support.examples import example


def test_an_erased_user_is_not_among_the_living(engine: Engine) -> None:
    """S18."""
    gone, alive = new_id(), new_id()
    with engine.begin() as connection:
        mark_erased(connection, gone)
        mark_erased(connection, gone)
    with engine.begin() as connection:
        assert living_users(connection, [gone, alive]) == {alive}
        assert living_users(connection, []) == set()


def test_storing_and_erasing_wait_for_each_other(engine: Engine) -> None:
    """S18: an erasure that begins while something is stored sees it; then nothing is stored."""
    user_id = new_id()
    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as storing:
            assert living_users(storing, [user_id]) == {user_id}

            def erase() -> None:
                with engine.begin() as erasing:
                    mark_erased(erasing, user_id)

            erasure = pool.submit(erase)
            waiting = text(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            )
            while storing.execute(waiting).scalar_one() == 0:
                assert not erasure.done()
        erasure.result(timeout=10)
    with engine.begin() as connection:
        assert living_users(connection, [user_id]) == set()


def sent(user_id: UUID) -> EmailSentV1:
    event = example("email_sent/v1/alert")
    assert isinstance(event, EmailSentV1)
    data = event.data.model_copy(update={"user_id": user_id})
    return event.model_copy(update={"data": data})


def waiting(engine: Engine) -> set[UUID]:
    with engine.begin() as connection:
        return set(connection.execute(text("SELECT id FROM outbox")).scalars())


def test_events_about_an_erased_user_are_taken_back(engine: Engine) -> None:
    """S18."""
    gone, alive = new_id(), new_id()
    mine, others = sent(gone), sent(alive)
    answer = UserErasedV1(
        occurred_at=mine.occurred_at,
        producer="email_service",
        correlation_id="request",
        data=UserErasedData(user_id=gone),
    )
    with engine.begin() as connection:
        store(connection, [mine, others, answer])
    with engine.begin() as connection:
        assert recall(connection, gone) == [mine]
        assert recall(connection, gone) == []
    assert waiting(engine) == {others.event_id, answer.event_id}


class Interrupted:
    """SNS, while it takes an event."""

    def __init__(self, during: Callable[[], None]) -> None:
        self._during = during

    def publish(self, topic: str, rows: Sequence[OutboxRow]) -> dict[UUID, str]:
        self._during()
        return {}


def test_an_event_that_is_being_published_holds_the_erasure_up(engine: Engine) -> None:
    """S18: what the relay has in its hands cannot be taken back."""
    gone = new_id()
    with engine.begin() as connection:
        store(connection, [sent(gone)])

    def erase() -> None:
        with pytest.raises(StillPublishingError), engine.begin() as connection:
            recall(connection, gone)

    assert OutboxRelay(engine, Interrupted(erase)).run() == 1
    with engine.begin() as connection:
        assert recall(connection, gone) == []


def test_the_lease_of_a_dead_relay_ends_and_a_refused_event_holds_nothing_up(
    engine: Engine,
) -> None:
    gone = new_id()
    for leased_for in ("-1 second", "2 minutes"):
        with engine.begin() as connection:
            store(connection, [sent(gone)])
            connection.execute(
                text("UPDATE outbox SET leased_until = now() + CAST(:left AS interval)"),
                {"left": leased_for},
            )
            assert len(recall(connection, gone)) == 1
