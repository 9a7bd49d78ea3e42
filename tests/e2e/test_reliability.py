"""What goes wrong on the way, on the running stack: poison, repetition, crashes."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import psutil
from sqlalchemy import Connection, text

from goldalert.ids import new_id
from goldalert_local.client import StackClient, User, wait_for
from goldalert_local.profiles import ACCOUNT_ID, REGION


def test_the_schedule_itself_fires(stack: StackClient) -> None:
    """The test stack polls every minute; nobody invokes the function here."""
    with stack.price_feed():
        stack.append_price(price := Decimal("3456.78"))
        wait_for(
            lambda: stack.current_price() == price,
            "EventBridge to fire",
            seconds=100,
        )


def test_a_poison_message_ends_in_the_dlq_and_the_rest_of_its_batch_is_done(
    stack: StackClient,
) -> None:
    """R8, R14."""
    users = [str(new_id()) for _ in range(3)]
    poison = {"event_type": "user_registered", "event_version": 99, "marker": str(uuid4())}
    queue = "user-service-on-user-registered"
    entries = [
        {"Id": str(number), "MessageBody": body}
        for number, body in enumerate([*map(registered, users), json.dumps(poison)])
    ]
    stack.aws.sqs.send_message_batch(QueueUrl=stack.queue_url(queue), Entries=entries)  # type: ignore[arg-type]

    with stack.database("user_db").connect() as connection:
        wait_for(
            lambda: {
                str(found)
                for found in connection.execute(text("SELECT user_id FROM profiles")).scalars()
            }.issuperset(users),
            "the profiles of the good messages",
        )
    assert stack.queue_length(f"{queue}-dlq") == 0, "the poison has had no five tries yet"
    # 1 + 4 + 15 + 60 s between the five tries
    [dead] = wait_for(lambda: receive(stack, f"{queue}-dlq"), "the poison in the DLQ", seconds=150)
    assert json.loads(dead["Body"]) == poison


def registered(user_id: str) -> str:
    return json.dumps(
        {
            "event_id": str(new_id()),
            "event_type": "user_registered",
            "event_version": 1,
            "occurred_at": datetime.now(UTC).isoformat(),
            "producer": "auth_service",
            "correlation_id": "poison-test",
            "data": {
                "user_id": user_id,
                "email": "x@example.com",
                "sealed_verification_token": "x",
            },
        }
    )


def receive(stack: StackClient, queue: str) -> list[Any]:
    answer = stack.aws.sqs.receive_message(QueueUrl=stack.queue_url(queue), VisibilityTimeout=0)
    return list(answer.get("Messages", []))


def test_a_tick_delivered_three_times_triggers_once(stack: StackClient, user: User) -> None:
    """R7."""
    queue = "alert-service-on-price-updated"
    with stack.price_feed() as move, listening(stack, "prices") as received:
        move(Decimal("2000"))
        alert = user.http.put(
            "/alert", {"alert_type": "above", "threshold": "2100", "currency": "USD"}
        ).body
        move(Decimal("2150"))
        message = wait_for(lambda: with_price(received(), "2150"), "the event on its topic")
        for _ in range(2):
            stack.aws.sqs.send_message(QueueUrl=stack.queue_url(queue), MessageBody=message)
        wait_for(lambda: stack.queue_length(queue) == 0, "all three to be dealt with")
        wait_for(lambda: notifications(user, "alert_triggered"), "the notification")
        stack.wait_for_mail(user.email, "2,150")
    assert len(user.http.get(f"/alert/{alert['id']}/history").body["items"]) == 1
    assert len(notifications(user, "alert_triggered")) == 1
    assert len([m for m in stack.mails(user.email) if "2,150" in m.subject]) == 1


@contextmanager
def listening(stack: StackClient, topic: str) -> Iterator[Callable[[], list[str]]]:
    """Receive what a topic carries, as one more subscriber."""
    name = f"goldalert-local-listener-{uuid4().hex}"
    url = stack.aws.sqs.create_queue(QueueName=name)["QueueUrl"]
    subscription = stack.aws.sns.subscribe(
        TopicArn=f"arn:aws:sns:{REGION}:{ACCOUNT_ID}:goldalert-local-events-{topic}",
        Protocol="sqs",
        Endpoint=f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{name}",
        Attributes={"RawMessageDelivery": "true"},
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]
    bodies: list[str] = []

    def received() -> list[str]:
        answer = stack.aws.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        bodies.extend(message["Body"] for message in answer.get("Messages", []))
        return bodies

    yield received
    stack.aws.sns.unsubscribe(SubscriptionArn=subscription)
    stack.aws.sqs.delete_queue(QueueUrl=url)


def with_price(bodies: list[str], price: str) -> str | None:
    return next((b for b in bodies if json.loads(b)["data"]["prices"]["USD"] == price), None)


def notifications(user: User, kind: str) -> list[Any]:
    items = user.http.get("/notification").body["items"]
    return [item for item in items if item["type"] == kind]


def test_a_worker_killed_between_send_and_mark_leaves_exactly_one_mail(
    stack: StackClient, user: User
) -> None:
    """R9. A lock on the outbox stops the worker after SES has the mail; then it is killed."""
    with stack.price_feed() as move:
        move(Decimal("1000"))
        user.http.put("/alert", {"alert_type": "above", "threshold": "1100", "currency": "USD"})
        with stack.database("email_db").connect() as connection:
            connection.execute(text("LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE"))
            move(Decimal("1111.11"))
            stack.wait_for_mail(user.email, "1,111.11")
            wait_for(lambda: kill_waiting_workers(connection), "a worker that waits to mark")
            connection.rollback()

    def statuses() -> set[str]:
        with stack.database("email_db").connect() as connection:
            return set(
                connection.execute(
                    text("SELECT status FROM mails WHERE user_id = :id AND kind = 'alert'"),
                    {"id": user.user_id},
                ).scalars()
            )

    wait_for(
        lambda: statuses() <= {"sent", "delivered"},
        "SES's evidence to settle the mail",
        seconds=100,
    )
    wait_for(
        lambda: [n for n in notifications(user, "email_sent") if "1,111.11" in json.dumps(n)],
        "email_sent",
        seconds=100,
    )
    assert len([m for m in stack.mails(user.email) if "1,111.11" in m.subject]) == 1


def kill_waiting_workers(connection: Connection) -> set[int]:
    """Kill -9 the workers that have sent a mail and wait for a lock to mark it.

    They wait for ours, or for the row of a mail whose evidence was faster and waits for ours.
    """
    connection.execute(text("SELECT pg_stat_clear_snapshot()"))
    ports = set(
        connection.execute(
            text(
                "SELECT client_port FROM pg_stat_activity "
                "WHERE datname = 'email_db' AND wait_event_type = 'Lock'"
            )
        ).scalars()
    )
    workers = {
        process.pid
        for process in psutil.process_iter()
        if any("send_mail" in part for part in command_line(process))
        and {c.laddr.port for c in process.net_connections() if c.laddr} & ports
    }
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    return workers


def command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []
