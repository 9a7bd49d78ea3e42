"""What lies in the queues of a stack is carried over a restart, whatever state it is in."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from goldalert_local import queues
from goldalert_local.client import StackClient, wait_for


@pytest.fixture
def queue_url(stack: StackClient) -> Iterator[str]:
    """A queue that nothing consumes."""
    url = stack.aws.sqs.create_queue(QueueName=f"carried-{uuid4().hex}")["QueueUrl"]
    yield url
    stack.aws.sqs.delete_queue(QueueUrl=url)


def test_waiting_delayed_and_in_work_messages_are_all_seen(
    stack: StackClient, queue_url: str
) -> None:
    bodies = [f"message {number}" for number in range(12)]  # more than one ReceiveMessage gives
    for body in bodies:
        stack.aws.sqs.send_message(QueueUrl=queue_url, MessageBody=body)
    stack.aws.sqs.receive_message(QueueUrl=queue_url, VisibilityTimeout=600)
    stack.aws.sqs.send_message(QueueUrl=queue_url, MessageBody="delayed", DelaySeconds=600)
    seen = [message["MessageBody"] for message in queues.peek(stack.aws, queue_url)]
    assert sorted(seen) == sorted([*bodies, "delayed"])


def test_an_empty_queue_shows_nothing(stack: StackClient, queue_url: str) -> None:
    assert list(queues.peek(stack.aws, queue_url)) == []


def test_messages_come_back_with_their_attributes(
    stack: StackClient, queue_url: str, tmp_path: Path
) -> None:
    body = json.dumps({"name": "Zoë", "lines": "one\ntwo"}, ensure_ascii=False)
    attributes = {"event_type": {"DataType": "String", "StringValue": "user_registered"}}
    saved = tmp_path / "undelivered.json"
    message = {"MessageBody": body, "MessageAttributes": attributes}
    saved.write_text(json.dumps({queue_url.rsplit("/", 1)[-1]: [message]}))
    assert queues.restore(stack.aws, saved) == 1
    assert list(queues.peek(stack.aws, queue_url)) == [message]
    [received] = wait_for(
        lambda: stack.aws.sqs.receive_message(
            QueueUrl=queue_url, MessageAttributeNames=["All"]
        ).get("Messages"),
        "the restored message",
    )
    assert received["Body"] == body
    assert received["MessageAttributes"] == attributes
    assert not saved.exists()


def test_messages_of_a_queue_that_is_gone_are_put_aside(stack: StackClient, tmp_path: Path) -> None:
    saved = tmp_path / "undelivered.json"
    homeless = {"no-such-queue": [{"MessageBody": "lost?", "MessageAttributes": {}}]}
    saved.write_text(json.dumps(homeless))
    assert queues.restore(stack.aws, saved) == 0
    assert json.loads((tmp_path / "undelivered.homeless.json").read_text()) == homeless
