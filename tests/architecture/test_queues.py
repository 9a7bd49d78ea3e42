"""Every event that is published reaches the functions that wait for it, or a dead-letter queue."""

import re
from typing import Any, get_args

import pytest

from goldalert.events.catalogue import _TOPICS, CATALOGUE, Topic
from tests.support.services import function_name, handler_files, logical_id
from tests.support.template import render

PROD = render("prod")
QUEUES = PROD.of_type("AWS::SQS::Queue")
SUBSCRIPTIONS = PROD.of_type("AWS::SNS::Subscription")
WORK_QUEUES = sorted(name for name in QUEUES if not name.endswith("DeadLetterQueue"))
EVENT_TYPES = sorted({event_type for event_type, _ in CATALOGUE})
CONSUMERS = [(s, h) for s, h in handler_files() if h.startswith("on_")]
EVENT_CONSUMERS = [(s, h) for s, h in CONSUMERS if h.removeprefix("on_") in EVENT_TYPES]
# topics that are not ours to publish on, with the function that listens
FOREIGN_TOPICS = {"EmailOnSesFeedback": "SesFeedbackTopic"}


def topic_resource(event_type: str) -> str:
    topics = {
        topic
        for contract, topic in _TOPICS.items()
        if contract.model_fields["event_type"].default == event_type
    }
    (topic,) = topics
    return f"{topic.capitalize()}Topic"


def sources_of(queue: str) -> dict[str, dict[str, Any]]:
    """The functions that a queue feeds, with how it does."""
    return {
        function: event["Properties"]
        for function, properties in PROD.functions.items()
        for event in properties.get("Events", {}).values()
        if event["Type"] == "SQS" and event["Properties"]["Queue"] == {"Fn::GetAtt": [queue, "Arn"]}
    }


@pytest.mark.parametrize("queue", WORK_QUEUES)
def test_what_fails_five_times_goes_to_the_queues_own_dead_letter_queue(queue: str) -> None:
    """R14."""
    dead = f"{queue.removesuffix('Queue')}DeadLetterQueue"
    assert QUEUES[queue]["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": [dead, "Arn"]},
        "maxReceiveCount": 5,
    }
    assert QUEUES[dead]["QueueName"] == f"{QUEUES[queue]['QueueName']}-dlq"
    fourteen_days = 14 * 24 * 3600
    assert QUEUES[dead]["MessageRetentionPeriod"] == fourteen_days
    assert QUEUES[queue]["MessageRetentionPeriod"] == fourteen_days


def test_every_dead_letter_queue_belongs_to_a_queue() -> None:
    dead = {name for name in QUEUES if name.endswith("DeadLetterQueue")}
    assert dead == {f"{name.removesuffix('Queue')}DeadLetterQueue" for name in WORK_QUEUES}


@pytest.mark.parametrize("queue", WORK_QUEUES)
def test_a_queue_feeds_one_function_that_reports_failures_one_by_one(queue: str) -> None:
    """R8."""
    ((function, source),) = sources_of(queue).items()
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert QUEUES[queue]["VisibilityTimeout"] >= 6 * PROD.functions[function]["Timeout"]


@pytest.mark.parametrize("queue", sorted(QUEUES))
def test_queues_are_encrypted(queue: str) -> None:
    """S15."""
    assert QUEUES[queue]["SqsManagedSseEnabled"] is True


@pytest.mark.parametrize(("service", "handler"), CONSUMERS)
def test_a_consumer_has_the_queue_of_its_name(service: str, handler: str) -> None:
    function = logical_id(service, handler)
    queue = f"{function.removesuffix('Function')}Queue"
    assert QUEUES[queue]["QueueName"] == f"goldalert-prod-{function_name(service, handler)}"
    assert list(sources_of(queue)) == [function]


@pytest.mark.parametrize(("service", "handler"), EVENT_CONSUMERS)
def test_a_consumer_gets_its_event_and_no_other(service: str, handler: str) -> None:
    name = logical_id(service, handler).removesuffix("Function")
    event_type = handler.removeprefix("on_")
    assert SUBSCRIPTIONS[f"{name}Subscription"] == {
        "TopicArn": {"Ref": topic_resource(event_type)},
        "Protocol": "sqs",
        "Endpoint": {"Fn::GetAtt": [f"{name}Queue", "Arn"]},
        "RawMessageDelivery": True,
        "FilterPolicy": {"event_type": [event_type]},
    }


def test_every_subscription_has_a_consumer() -> None:
    names = {logical_id(*consumer).removesuffix("Function") for consumer in CONSUMERS}
    assert {name.removesuffix("Subscription") for name in SUBSCRIPTIONS} == names
    others = {
        logical_id(*c).removesuffix("Function") for c in set(CONSUMERS) - set(EVENT_CONSUMERS)
    }
    assert others == set(FOREIGN_TOPICS)


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_every_event_has_a_subscriber(event_type: str) -> None:
    assert [s for s, handler in EVENT_CONSUMERS if handler == f"on_{event_type}"]


@pytest.mark.parametrize("name", sorted(SUBSCRIPTIONS))
def test_the_topic_may_send_to_the_queue(name: str) -> None:
    """The local machine does not enforce queue policies: without this, AWS would be the first."""
    topic, endpoint = SUBSCRIPTIONS[name]["TopicArn"]["Ref"], SUBSCRIPTIONS[name]["Endpoint"]
    queue = endpoint["Fn::GetAtt"][0]
    allowed = [
        statement
        for policy in PROD.of_type("AWS::SQS::QueuePolicy").values()
        if {"Ref": queue} in policy["Queues"]
        for statement in policy["PolicyDocument"]["Statement"]
        if endpoint in listed(statement["Resource"])
    ]
    (statement,) = allowed
    assert statement["Effect"] == "Allow"
    assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Ref": topic}}}


def test_no_queue_policy_allows_more() -> None:
    """S16."""
    named = [
        queue["Ref"]
        for policy in PROD.of_type("AWS::SQS::QueuePolicy").values()
        for queue in policy["Queues"]
    ]
    subscribed = [s["Endpoint"]["Fn::GetAtt"][0] for s in SUBSCRIPTIONS.values()]
    assert sorted(named) == sorted(subscribed)


def test_topics_carry_the_names_that_publishers_use() -> None:
    topics = PROD.of_type("AWS::SNS::Topic")
    used = {topic_resource(event_type) for event_type in EVENT_TYPES}
    assert used <= topics.keys()
    assert {name.lower() for name in get_args(Topic)} >= {
        name.removesuffix("Topic").lower() for name in used
    }
    for name in used:
        short = re.sub("Topic$", "", name).lower()
        assert topics[name]["TopicName"] == f"goldalert-prod-events-{short}"


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
