"""Every function has a whole trigger event in `events/invocations`, to run it by hand."""

import json
from typing import Any

import pytest

from goldalert.events.catalogue import CATALOGUE, parse_event
from infra.openapi import resolvers, routes
from tests.support.examples import CONTRACTS
from tests.support.services import function_name, handler_files, logical_id
from tests.support.template import rank, render

INVOCATIONS = CONTRACTS.parent / "invocations"
HANDLERS = handler_files()
EVENT_TYPES = {event_type for event_type, _ in CATALOGUE}


def trigger_of(service: str, handler: str) -> dict[str, Any]:
    text = INVOCATIONS.joinpath(f"{service}_{handler}.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def fed_by(kind: str) -> list[tuple[str, str]]:
    """The functions with a trigger of a kind, as the template says."""
    functions = render("local").functions
    return [
        (service, handler)
        for service, handler in HANDLERS
        if any(
            event["Type"] == kind
            for event in functions[logical_id(service, handler)].get("Events", {}).values()
        )
    ]


def test_every_function_has_one_and_every_one_a_function() -> None:
    names = {path.stem for path in INVOCATIONS.glob("*.json")}
    assert names == {f"{service}_{handler}" for service, handler in HANDLERS}


@pytest.mark.parametrize(("service", "handler"), fed_by("Api"))
def test_a_request_is_for_a_route_of_its_service(service: str, handler: str) -> None:
    request = trigger_of(service, handler)
    matching = [
        route
        for route in routes(resolvers()[service])
        if route.method == request["httpMethod"]
        and rank(route.openapi_path, request["path"]) is not None
    ]
    assert matching, request["path"]
    assert request["requestContext"]["requestId"]
    assert {"resource", "headers", "queryStringParameters", "pathParameters"} <= request.keys()
    assert isinstance(json.loads(request["body"] or "{}"), dict)


@pytest.mark.parametrize(("service", "handler"), fed_by("SQS"))
def test_a_queues_messages_are_of_its_queue(service: str, handler: str) -> None:
    records = trigger_of(service, handler)["Records"]
    assert records
    for record in records:
        assert record["eventSource"] == "aws:sqs"
        assert record["eventSourceARN"].startswith("arn:aws:sqs:us-east-1:000000000000:")
        assert int(record["attributes"]["ApproximateReceiveCount"]) >= 1
        assert record["messageId"]
        assert record["receiptHandle"]
        assert record["body"]


@pytest.mark.parametrize(
    ("service", "handler"), [h for h in HANDLERS if h[1].removeprefix("on_") in EVENT_TYPES]
)
def test_a_consumers_messages_are_its_event(service: str, handler: str) -> None:
    for record in trigger_of(service, handler)["Records"]:
        event = parse_event(record["body"])
        assert f"on_{event.event_type}" == handler
        assert json.loads(event.to_message()) == json.loads(record["body"])
        queue = f"goldalert-local-{function_name(service, handler)}"
        assert record["eventSourceARN"].rsplit(":", 1)[1] == queue


@pytest.mark.parametrize(("service", "handler"), fed_by("Schedule"))
def test_a_schedules_event_has_its_time(service: str, handler: str) -> None:
    event = trigger_of(service, handler)
    assert (event["source"], event["detail-type"]) == ("aws.events", "Scheduled Event")
    assert event["id"]
    assert event["time"].endswith("Z")
