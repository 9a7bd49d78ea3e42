"""Carries what was not yet delivered over a restart, since LocalStack itself keeps nothing."""

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

from goldalert_local.aws import Aws
from goldalert_local.credentials import write_private

# What is cut off is done again: consumers are idempotent.
IN_FLIGHT_SECONDS = 3

type Message = dict[str, Any]


def stand_still(aws: Aws) -> None:
    """Let no function start any more, and wait until the messages in work are done or given up."""
    mappings = [
        mapping
        for page in aws.lambda_.get_paginator("list_event_source_mappings").paginate()
        for mapping in page["EventSourceMappings"]
    ]
    for mapping in mappings:
        aws.lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    for page in aws.lambda_.get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            aws.lambda_.put_function_concurrency(
                FunctionName=function["FunctionName"], ReservedConcurrentExecutions=0
            )
    deadline = time.monotonic() + IN_FLIGHT_SECONDS
    while any_in_flight(aws) and time.monotonic() < deadline:
        time.sleep(0.2)


def queue_urls(aws: Aws) -> Iterator[str]:
    for page in aws.sqs.get_paginator("list_queues").paginate():
        yield from page.get("QueueUrls", [])


def any_in_flight(aws: Aws) -> bool:
    for url in queue_urls(aws):
        attributes = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])[
            "Attributes"
        ]
        if attributes["ApproximateNumberOfMessagesNotVisible"] != "0":
            return True
    return False


def save(aws: Aws, path: Path) -> int:
    """Write every message of every queue, in work and delayed ones too; return how many."""
    saved = {url.rsplit("/", 1)[-1]: list(peek(aws, url)) for url in queue_urls(aws)}
    saved = {queue: messages for queue, messages in saved.items() if messages}
    write_private(path, json.dumps(saved))
    return sum(map(len, saved.values()))


def peek(aws: Aws, queue_url: str) -> Iterator[Message]:
    """The messages as send_message takes them, through LocalStack's own view of a queue.

    Unlike ReceiveMessage it shows those in work and delayed, too, and changes nothing.
    """
    query = urllib.parse.urlencode(
        {"QueueUrl": queue_url, "ShowInvisible": "true", "ShowDelayed": "true"}
    )
    request = urllib.request.Request(  # noqa: S310  # the URL is this machine's own
        f"{aws.endpoint_url}/_aws/sqs/messages?{query}", headers={"Accept": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310  # see above
        result = json.load(response)["ReceiveMessageResponse"]["ReceiveMessageResult"] or {}
    for message in as_list(result.get("Message")):
        yield {
            "MessageBody": message["Body"],
            "MessageAttributes": {
                attribute["Name"]: attribute["Value"]
                for attribute in as_list(message.get("MessageAttribute"))
            },
        }


def as_list(value: Any) -> list[dict[str, Any]]:
    """LocalStack makes its JSON from XML, where one element is no list and none is nothing."""
    return value if isinstance(value, list) else [value] if value else []


def restore(aws: Aws, path: Path) -> int:
    """Send the saved messages to the queues of the same name; return how many.

    Those that SQS refuses, and those of a queue that the template no longer has, are added to a
    file beside, for a person to look at.
    """
    if not path.exists():
        return 0
    saved: dict[str, list[Message]] = json.loads(path.read_text())
    urls = {url.rsplit("/", 1)[-1]: url for url in queue_urls(aws)}
    homeless_path = path.with_suffix(".homeless.json")
    homeless = json.loads(homeless_path.read_text()) if homeless_path.exists() else {}
    sent = 0
    for queue, messages in saved.items():
        for message in messages:
            if queue in urls and is_taken(aws, urls[queue], message):
                sent += 1
            else:
                homeless.setdefault(queue, []).append(message)
    if homeless:
        write_private(homeless_path, json.dumps(homeless))
    path.unlink()
    return sent


def is_taken(aws: Aws, queue_url: str, message: Message) -> bool:
    """Send a message; False when SQS will never take it. Any other failure is an error."""
    try:
        aws.sqs.send_message(QueueUrl=queue_url, **message)
    except ParamValidationError:
        return False
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        return False
    return True
