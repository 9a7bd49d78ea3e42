"""What Lambda gives a handler: a context, and batches of a queue."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any
from uuid import UUID

from goldalert.events.catalogue import AnyEvent, parse_event
from goldalert.ids import new_id
from goldalert.messaging.relay import OutboxRow


@dataclass
class Context:
    """A context with time left."""

    aws_request_id: str = "request"
    function_name: str = "function"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:000000000000:function:function"
    remaining_ms: int = 30_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


@dataclass
class Sqs:
    """Stands in for boto3's client: takes the pauses that the consumer sets."""

    pauses: list[int] = field(default_factory=list)

    def get_queue_url(self, QueueName: str) -> dict[str, str]:  # noqa: N803 - boto3's
        return {"QueueUrl": f"https://sqs/{QueueName}"}

    def change_message_visibility(self, **arguments: Any) -> None:
        self.pauses.append(arguments["VisibilityTimeout"])


class Topics:
    """Takes what a service publishes."""

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []

    def publish(self, topic: str, rows: Sequence[OutboxRow]) -> dict[UUID, str]:
        self.events += [parse_event(row.message) for row in rows]
        return {}


def sqs_event(bodies: Iterable[str], *, receive_count: int = 1) -> dict[str, Any]:
    """Return a batch as Lambda gets it from a queue."""
    return {
        "Records": [
            {
                "messageId": str(new_id()),
                "receiptHandle": "handle",
                "body": body,
                "attributes": {"ApproximateReceiveCount": str(receive_count)},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:goldalert-local-queue",
                "awsRegion": "eu-central-1",
            }
            for body in bodies
        ]
    }


def deliver(handler: ModuleType, *messages: AnyEvent | str, receive_count: int = 1) -> list[str]:
    """Give messages to a consumer as one batch; return the bodies that it gave back."""
    if not messages:  # a queue that is empty calls nobody
        return []
    event = sqs_event(
        (m if isinstance(m, str) else m.to_message() for m in messages),
        receive_count=receive_count,
    )
    failures = handler.lambda_handler(event, Context())["batchItemFailures"]
    failed = {failure["itemIdentifier"] for failure in failures}
    return [record["body"] for record in event["Records"] if record["messageId"] in failed]


def call(
    handler: ModuleType,
    method: str,
    path: str,
    *,
    user_id: UUID | None = None,
    role: str = "user",
    query: dict[str, str] | None = None,
) -> tuple[int, dict[str, Any]]:
    """Send a request as API Gateway does; return the status and the body."""
    signed_in = {"user_id": str(user_id), "role": role, "session_id": str(new_id())}
    answer = handler.lambda_handler(
        {
            "httpMethod": method,
            "path": path,
            "resource": path,
            "headers": {},
            "multiValueHeaders": {},
            "queryStringParameters": query,
            "multiValueQueryStringParameters": {k: [v] for k, v in (query or {}).items()} or None,
            "body": None,
            "isBase64Encoded": False,
            "requestContext": {
                "requestId": "request-1",
                "stage": "local",
                "authorizer": signed_in if user_id else None,
            },
        },
        Context(),
    )
    return answer["statusCode"], json.loads(answer["body"] or "{}")
