"""Outbox, relay, inbox and consumer against a real database."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import Connection, Engine, text

from goldalert import aws
from goldalert.db.engine import make_engine
from goldalert.db.unit_of_work import Transaction, UnitOfWork
from goldalert.events.catalogue import AnyEvent
from goldalert.events.users import UserEmailVerifiedData, UserEmailVerifiedV1
from goldalert.ids import new_id
from goldalert.messaging import consumer, relay
from goldalert.messaging.consumer import BACKOFF_SECONDS, OUTAGE_BACKOFF_SECONDS, consume
from goldalert.messaging.outbox import MAX_EVENT_BYTES, MAX_MESSAGE_BYTES, EventTooLargeError
from goldalert.messaging.relay import BatchRefusedError, OutboxRelay, OutboxRow, PublishError
from goldalert.messaging.sns import SnsPublisher
from goldalert.secrets import DatabaseSecret


class Topic:
    """Keeps what it is given, or refuses it."""

    def __init__(self) -> None:
        self.accepted: list[UUID] = []
        self.batches: list[int] = []
        self.refuse: set[UUID] = set()
        self.is_down = False

    def publish(self, topic: str, rows: Sequence[OutboxRow]) -> dict[UUID, str]:
        if self.is_down:
            raise PublishError(topic)
        self.batches.append(len(rows))
        self.accepted += [row.id for row in rows if row.id not in self.refuse]
        return {row.id: "refused" for row in rows if row.id in self.refuse}


def event(correlation_id: str = "test") -> UserEmailVerifiedV1:
    return UserEmailVerifiedV1(
        occurred_at=datetime.now(UTC),
        producer="auth_service",
        correlation_id=correlation_id,
        data=UserEmailVerifiedData(user_id=new_id(), email="ada@example.com"),
    )


def publish(engine: Engine, *events: AnyEvent) -> None:
    with UnitOfWork(engine, lambda connection: connection).begin() as tx:
        tx.publish(*events)


def waiting(engine: Engine) -> set[UUID]:
    with engine.begin() as connection:
        return set(connection.execute(text("SELECT id FROM outbox")).scalars())


def end_leases(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE outbox SET leased_until = now() - interval '1 s'"))


class TestAfterCommit:
    def test_is_done_once_others_see_the_change_and_before_they_hear_of_it(
        self, engine: Engine
    ) -> None:
        new, topic = event(), Topic()
        seen: list[tuple[set[UUID], list[UUID]]] = []
        unit_of_work = UnitOfWork(engine, lambda connection: connection, OutboxRelay(engine, topic))

        with unit_of_work.begin() as tx:
            tx.publish(new)
            tx.after_commit(lambda: seen.append((waiting(engine), topic.accepted.copy())))

        assert seen == [({new.event_id}, [])]
        assert topic.accepted == [new.event_id]

    def test_is_not_done_when_nothing_changed(self, engine: Engine) -> None:
        done: list[object] = []

        with (
            pytest.raises(RuntimeError),
            UnitOfWork(engine, lambda connection: connection).begin() as tx,
        ):
            tx.after_commit(lambda: done.append(tx))
            raise RuntimeError

        assert done == []


def test_a_rolled_back_transaction_publishes_nothing(engine: Engine) -> None:
    """R4."""
    topic = Topic()
    unit_of_work = UnitOfWork(engine, lambda connection: connection, OutboxRelay(engine, topic))
    with pytest.raises(ZeroDivisionError), unit_of_work.begin() as tx:
        tx.publish(event())
        _ = 1 / 0
    assert (waiting(engine), topic.accepted) == (set(), [])


def test_a_commit_is_followed_by_the_relay(engine: Engine) -> None:
    topic, sent = Topic(), event()
    unit_of_work = UnitOfWork(engine, lambda connection: connection, OutboxRelay(engine, topic))
    with unit_of_work.begin() as tx:
        tx.publish(sent)
    assert (waiting(engine), topic.accepted) == (set(), [sent.event_id])


def test_a_commit_publishes_its_own_events_and_no_backlog(engine: Engine) -> None:
    left_behind, sent = event(), event()
    publish(engine, left_behind)
    topic = Topic()
    unit_of_work = UnitOfWork(engine, lambda connection: connection, OutboxRelay(engine, topic))
    with unit_of_work.begin() as tx:
        tx.publish(sent)
    assert (topic.accepted, waiting(engine)) == ([sent.event_id], {left_behind.event_id})


def test_a_run_asks_a_topic_that_does_not_answer_once(engine: Engine) -> None:
    publish(engine, *[event() for _ in range(30)])
    asked: list[int] = []

    class Silent(Topic):
        def publish(self, topic: str, rows: Sequence[OutboxRow]) -> dict[UUID, str]:
            asked.append(len(rows))
            raise PublishError(topic)

    assert OutboxRelay(engine, Silent()).run() == 0
    assert asked == [10]


@pytest.mark.parametrize(("is_request", "batches"), [(True, 2), (False, 11)])
def test_a_run_ends_in_time_when_answers_are_slow(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, is_request: bool, batches: int
) -> None:
    sent = [event() for _ in range(130)]
    publish(engine, *sent)
    now = 0.0

    class Slow(Topic):
        def publish(self, topic: str, rows: Sequence[OutboxRow]) -> dict[UUID, str]:
            nonlocal now
            now += 1.9
            return super().publish(topic, rows)

    monkeypatch.setattr(relay, "monotonic", lambda: now)
    topic = Slow()
    only = [e.event_id for e in sent] if is_request else None
    assert OutboxRelay(engine, topic).run(only=only) == 10 * batches
    assert topic.batches == [10] * batches


def test_sns_is_given_three_seconds_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    config = aws.client.__wrapped__("sns").meta.config  # type: ignore[attr-defined]
    assert (config.connect_timeout, config.read_timeout) == (1, 2)
    assert config.retries["total_max_attempts"] == 1


def test_a_topic_that_is_down_loses_nothing_and_fails_no_request(engine: Engine) -> None:
    """R5."""
    topic, sent = Topic(), event()
    topic.is_down = True
    outbox = OutboxRelay(engine, topic)
    with UnitOfWork(engine, lambda connection: connection, outbox).begin() as tx:
        tx.publish(sent)
    assert waiting(engine) == {sent.event_id}
    topic.is_down = False
    end_leases(engine)
    assert (outbox.run(), topic.accepted) == (1, [sent.event_id])


def test_a_refused_event_stays_and_the_others_go(engine: Engine) -> None:
    good, bad = event(), event()
    publish(engine, good, bad)
    topic = Topic()
    topic.refuse = {bad.event_id}
    assert OutboxRelay(engine, topic).run() == 1
    assert waiting(engine) == {bad.event_id}


def event_of(size: int) -> UserEmailVerifiedV1:
    """Return an event whose JSON has `size` bytes."""
    empty = len(event("").to_message().encode())
    return event("x" * (size - empty))


def test_an_event_leaves_room_for_its_attributes(engine: Engine) -> None:
    publish(engine, event_of(MAX_EVENT_BYTES))
    with pytest.raises(EventTooLargeError):
        publish(engine, event_of(MAX_EVENT_BYTES + 1))


def test_two_halves_of_a_message_and_their_attributes_are_two_batches(engine: Engine) -> None:
    publish(engine, event_of(MAX_MESSAGE_BYTES // 2), event_of(MAX_MESSAGE_BYTES // 2))
    topic = Topic()
    OutboxRelay(engine, topic).run()
    assert topic.batches == [1, 1]


def test_a_batch_refused_as_a_whole_goes_row_by_row(engine: Engine) -> None:
    """R5."""
    good, bad, also_good = event(), event(), event()
    publish(engine, good, bad, also_good)

    class Strict(Topic):
        def publish(self, topic: str, rows: Sequence[OutboxRow]) -> dict[UUID, str]:
            if any(row.id == bad.event_id for row in rows):
                raise BatchRefusedError("InvalidParameter")
            return super().publish(topic, rows)

    topic = Strict()
    assert OutboxRelay(engine, topic).run() == 2
    assert topic.accepted == [good.event_id, also_good.event_id]
    assert waiting(engine) == {bad.event_id}


def test_bad_events_do_not_keep_the_good_ones_back(engine: Engine) -> None:
    """R5."""
    bad, good = [event() for _ in range(100)], event()
    publish(engine, *bad, good)
    topic = Topic()
    topic.refuse = {e.event_id for e in bad}
    assert OutboxRelay(engine, topic).run() == 1
    assert topic.accepted == [good.event_id]


def test_a_refused_event_waits_longer_each_time(engine: Engine) -> None:
    bad = event()
    publish(engine, bad)
    topic = Topic()
    topic.refuse = {bad.event_id}
    pauses: list[int] = []
    for _ in range(9):
        OutboxRelay(engine, topic).run()
        with engine.begin() as connection:
            left = text("SELECT round(extract(epoch FROM leased_until - now())) FROM outbox")
            pauses.append(round(connection.execute(left).scalar_one(), -1))
        end_leases(engine)
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "BatchRequestTooLong", BatchRefusedError),
        (400, "InvalidParameter", BatchRefusedError),
        (400, "Throttling", PublishError),
        (403, "AuthorizationError", PublishError),
        (404, "NotFound", PublishError),
        (500, "InternalError", PublishError),
    ],
)
def test_only_what_is_about_the_content_is_tried_row_by_row(
    monkeypatch: pytest.MonkeyPatch, status: int, code: str, error: type[Exception]
) -> None:
    class Sns:
        def publish_batch(self, **_: Any) -> None:
            raise ClientError(
                {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
                "PublishBatch",
            )

    monkeypatch.setattr(aws, "client", lambda service: Sns())
    with pytest.raises(error):
        SnsPublisher("arn:").publish("users", [])


def test_a_relay_killed_after_publishing_publishes_again_with_the_same_id(engine: Engine) -> None:
    """R5."""
    sent = event()
    publish(engine, sent)

    class Killed(BaseException):
        pass

    class TopicThenKilled(Topic):
        def publish(self, topic: str, rows: Sequence[OutboxRow]) -> dict[UUID, str]:
            super().publish(topic, rows)
            raise Killed

    first, second = TopicThenKilled(), Topic()
    with pytest.raises(Killed):
        OutboxRelay(engine, first).run()
    assert OutboxRelay(engine, second).run() == 0, "the lease still holds"
    end_leases(engine)
    OutboxRelay(engine, second).run()
    assert first.accepted == second.accepted == [sent.event_id]


def test_the_schedule_leaves_young_events_to_their_own_handler(engine: Engine) -> None:
    publish(engine, event())
    assert OutboxRelay(engine, Topic()).run(older_than=timedelta(seconds=30)) == 0


def test_many_events_go_in_batches_of_ten_in_order(engine: Engine) -> None:
    sent = [event() for _ in range(123)]
    publish(engine, *sent)
    topic = Topic()
    OutboxRelay(engine, topic).run()
    assert topic.accepted == [e.event_id for e in sent]
    assert topic.batches == [10] * 10 + [10, 10, 3]


class Context:
    aws_request_id = "request"
    remaining = 30_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining


class Sqs:
    """Remembers the pauses that it is asked for."""

    def __init__(self) -> None:
        self.pauses: dict[str, int] = {}
        self.urls_asked = 0

    def get_queue_url(self, **_: Any) -> dict[str, str]:
        self.urls_asked += 1
        return {"QueueUrl": "queue"}

    def change_message_visibility(self, **call: Any) -> None:
        self.pauses[call["ReceiptHandle"]] = call["VisibilityTimeout"]


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Sqs:
    queue = Sqs()
    consumer._queue_url.cache_clear()
    monkeypatch.setattr(aws, "client", lambda service: queue)
    return queue


def batch(*bodies: str, attempt: int = 1) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": f"message-{i}",
                "receiptHandle": f"handle-{i}",
                "body": body,
                "attributes": {"ApproximateReceiveCount": str(attempt)},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:queue",
                "awsRegion": "us-east-1",
            }
            for i, body in enumerate(bodies)
        ]
    }


def run(
    engine: Engine,
    event: dict[str, Any],
    handle: Any,
    context: Any = None,
    after_commit: Any = None,
) -> list[str]:
    """Consume a batch; return the ids of the messages that come back."""
    answer = consume(
        event,
        context or Context(),
        consumer="email_service.test",
        unit_of_work=UnitOfWork(engine, lambda connection: connection),
        handle=handle,
        after_commit=after_commit,
    )
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_an_event_delivered_three_times_has_one_effect(engine: Engine, sqs: Sqs) -> None:
    """R7."""
    effects: list[UUID] = []
    body = event().to_message()
    for _ in range(2):
        run(engine, batch(body, body), lambda tx, e: effects.append(e.event_id))
    assert len(effects) == 1


def test_what_follows_the_commit_is_done_again_with_a_repeated_event(
    engine: Engine, sqs: Sqs
) -> None:
    """A process may end right after the commit; its message then comes again."""
    body, committed = event().to_message(), []

    def forget(_: AnyEvent) -> None:
        with engine.begin() as connection:
            committed.append(connection.scalar(text("SELECT count(*) FROM inbox")))
        if len(committed) == 1:
            raise ConnectionError

    first = run(engine, batch(body), lambda tx, e: None, after_commit=forget)
    second = run(engine, batch(body), lambda tx, e: None, after_commit=forget)
    assert (first, second, committed) == (["message-0"], [], [1, 1])


def test_only_the_failed_message_comes_back(engine: Engine, sqs: Sqs) -> None:
    """R8."""
    poison = event()
    bodies = [event().to_message() for _ in range(9)]
    bodies.insert(5, poison.to_message())
    done: list[UUID] = []

    def handle(tx: Transaction[Connection], e: AnyEvent) -> None:
        if e.event_id == poison.event_id:
            raise ValueError("poison")
        done.append(e.event_id)

    assert run(engine, batch(*bodies), handle) == ["message-5"]
    assert len(done) == 9


def test_a_failed_message_leaves_no_effect_and_works_when_it_comes_again(
    engine: Engine, sqs: Sqs
) -> None:
    """R4, R7."""
    body = event().to_message()

    def fail(tx: Transaction[Connection], e: AnyEvent) -> None:
        tx.publish(event())
        raise ValueError

    run(engine, batch(body), fail)
    assert waiting(engine) == set()
    effects: list[UUID] = []
    run(engine, batch(body), lambda tx, e: effects.append(e.event_id))
    assert len(effects) == 1


@pytest.mark.parametrize(("attempt", "pause"), list(enumerate([*BACKOFF_SECONDS, 60], start=1)))
def test_a_failed_message_pauses_longer_each_time(
    engine: Engine, sqs: Sqs, attempt: int, pause: int
) -> None:
    run(engine, batch("not json", attempt=attempt), lambda tx, e: None)
    assert sqs.pauses == {"handle-0": pause}


def test_a_batch_that_fails_asks_for_the_url_of_its_queue_once(engine: Engine, sqs: Sqs) -> None:
    run(engine, batch(*["not json"] * 10), lambda tx, e: None)
    assert (len(sqs.pauses), sqs.urls_asked) == (10, 1)


@pytest.mark.parametrize("attempt", [1, 4])
def test_while_the_database_is_away_the_pauses_outlast_a_fail_over(
    sqs: Sqs, postgres: DatabaseSecret, attempt: int
) -> None:
    """R13."""
    gone = make_engine(postgres.model_copy(update={"port": 1}))
    body = event().to_message()
    assert run(gone, batch(body, attempt=attempt), lambda tx, e: None) == ["message-0"]
    assert sqs.pauses == {"handle-0": OUTAGE_BACKOFF_SECONDS[attempt - 1]}
    assert sum(OUTAGE_BACKOFF_SECONDS) > 15 * 60


@pytest.mark.parametrize(
    "change",
    [{"event_type": "gold_found"}, {"event_version": 2}, {"data": {}}],
    ids=["type", "version", "data"],
)
def test_an_unknown_event_comes_back_and_is_never_dropped(
    engine: Engine, sqs: Sqs, change: dict[str, Any]
) -> None:
    """R14."""
    body = json.dumps(json.loads(event().to_message()) | change)
    assert run(engine, batch(body), lambda tx, e: None) == ["message-0"]


def test_messages_for_which_no_time_is_left_come_back_at_once(engine: Engine, sqs: Sqs) -> None:
    """R8."""
    context = Context()
    done: list[UUID] = []

    def handle(tx: Transaction[Connection], e: AnyEvent) -> None:
        done.append(e.event_id)
        if len(done) == 6:
            context.remaining = 500

    bodies = [event().to_message() for _ in range(10)]
    assert run(engine, batch(*bodies), handle, context) == [f"message-{i}" for i in range(6, 10)]
    assert set(sqs.pauses.values()) == {0}
