"""`Idempotency-Key` against a real database."""

import threading
from uuid import UUID

import pytest
from pydantic import BaseModel
from sqlalchemy import Connection, Engine, create_engine, text

from goldalert.http.idempotency import KeyReusedError, answer_once
from goldalert.ids import new_id

USER = new_id()


class Order(BaseModel):
    threshold: str


class Created(BaseModel):
    id: UUID


def send(
    connection: Connection, key: str | None, threshold: str = "5000", user: UUID = USER
) -> UUID:
    answer = answer_once(
        connection,
        user_id=user,
        key=key,
        request=Order(threshold=threshold),
        answer_type=Created,
        effect=lambda: Created(id=new_id()),
    )
    return answer.id


def test_the_same_key_gets_the_first_answer(engine: Engine) -> None:
    with engine.begin() as connection:
        first = send(connection, "key-0001")
    with engine.begin() as connection:
        assert send(connection, "key-0001") == first


def test_without_a_key_each_request_has_its_effect(engine: Engine) -> None:
    with engine.begin() as connection:
        assert send(connection, None) != send(connection, None)


def test_a_key_with_another_request_is_refused(engine: Engine) -> None:
    with engine.begin() as connection:
        send(connection, "key-0001")
        with pytest.raises(KeyReusedError):
            send(connection, "key-0001", threshold="6000")


def test_a_key_belongs_to_its_user(engine: Engine) -> None:
    with engine.begin() as connection:
        assert send(connection, "key-0001") != send(connection, "key-0001", user=new_id())


def test_a_rolled_back_request_leaves_no_answer(engine: Engine) -> None:
    connection = engine.connect()
    lost = send(connection, "key-0001")
    connection.rollback()
    assert send(connection, "key-0001") != lost
    connection.rollback()
    connection.close()


def test_a_key_is_forgotten_after_a_day(engine: Engine) -> None:
    with engine.begin() as connection:
        first = send(connection, "key-0001")
        connection.execute(
            text("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")
        )
        assert send(connection, "key-0001") != first


def test_twenty_racing_requests_with_one_key_have_one_effect(engine: Engine) -> None:
    answers: list[UUID] = []
    start = threading.Barrier(20)

    def race() -> None:
        own = create_engine(engine.url)
        start.wait()
        with own.begin() as connection:
            answers.append(send(connection, "key-0001"))
        own.dispose()

    threads = [threading.Thread(target=race) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 20
    assert len(set(answers)) == 1
