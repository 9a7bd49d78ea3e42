"""Calls handlers as Lambda does: events of API Gateway and SQS, and what comes back."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from goldalert.events.catalogue import AnyEvent
from goldalert.ids import new_id

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


@dataclass
class Context:
    """A `LambdaContext` with all the time in the world."""

    aws_request_id: str = "00000000-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: dict[str, str]


@dataclass(frozen=True)
class Client:
    """Sends requests to an API function as one caller; without `user_id` as nobody."""

    handler: Handler
    user_id: UUID | None = None
    role: str = "user"

    def get(self, path: str, **query: str) -> Answer:
        return self.send("GET", path, query=query)

    def patch(self, path: str, body: object) -> Answer:
        return self.send("PATCH", path, body=body)

    def post(self, path: str, body: object = None, **headers: str) -> Answer:
        return self.send("POST", path, body=body, headers=headers)

    def send(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: object = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        event = {
            "httpMethod": method,
            "path": path,
            "resource": path,
            "headers": {"Content-Type": "application/json", **(headers or {})},
            "multiValueHeaders": None,
            "queryStringParameters": query or None,
            "multiValueQueryStringParameters": None,
            "body": None if body is None else json.dumps(body),
            "isBase64Encoded": False,
            "requestContext": {"requestId": "request-of-a-test", "authorizer": self._authorizer()},
        }
        answer = self.handler(event, Context())
        headers = {name: values[0] for name, values in answer["multiValueHeaders"].items()}
        text = answer["body"]
        is_json = headers.get("Content-Type", "").endswith("json")
        return Answer(answer["statusCode"], json.loads(text) if is_json else text, headers)

    def _authorizer(self) -> dict[str, str] | None:
        if self.user_id is None:
            return None
        return {"user_id": str(self.user_id), "role": self.role, "session_id": str(new_id())}


def deliver(handler: Handler, *events: AnyEvent) -> list[str]:
    """Hand a batch to a queue's function; return the ids of the messages that it gives back."""
    records = [
        {
            "messageId": f"message-{number}",
            "receiptHandle": "receipt",
            "body": event.to_message(),
            "attributes": {"ApproximateReceiveCount": "1"},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:queue",
            "awsRegion": "us-east-1",
        }
        for number, event in enumerate(events)
    ]
    answer = handler({"Records": records}, Context())
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
