"""The consumer of ticks, through its Lambda handler, batch by batch."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from alert_service.bootstrap import Services
from alert_service.handlers import on_price_updated
from goldalert import aws
from goldalert.events.prices import PriceUpdatedV1

from .conftest import World, make_tick

QUEUE = "goldalert-local-alert-service-on-price-updated"


class FakeContext(LambdaContext):
    def __init__(self, remaining_ms: Callable[[], int]) -> None:
        self._remaining_ms = remaining_ms

    def get_remaining_time_in_millis(self) -> int:
        return self._remaining_ms()


class FakeQueue:
    """Notes for how long messages are hidden."""

    def __init__(self) -> None:
        self.pauses: dict[str, int] = {}

    def get_queue_url(self, QueueName: str) -> dict[str, str]:  # noqa: N803 - boto3's name
        assert QueueName == QUEUE
        return {"QueueUrl": "https://queue"}

    def change_message_visibility(self, **sent: Any) -> None:
        self.pauses[sent["ReceiptHandle"]] = sent["VisibilityTimeout"]


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> FakeQueue:
    queue = FakeQueue()
    monkeypatch.setattr(aws, "client", lambda _: queue)
    return queue


@pytest.fixture
def world(services: Services, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(on_price_updated, "services", lambda: services)
    return World(services.engine)


def consume(bodies: Sequence[str], remaining_ms: Callable[[], int] = lambda: 30_000) -> list[str]:
    """Return the ids of the messages that come back: the places in the batch, from 0 on."""
    records = [
        {
            "messageId": str(place),
            "receiptHandle": str(place),
            "body": body,
            "attributes": {"ApproximateReceiveCount": "1"},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:eu-central-1:000000000000:{QUEUE}",
            "awsRegion": "eu-central-1",
        }
        for place, body in enumerate(bodies)
    ]
    answer = on_price_updated.lambda_handler({"Records": records}, FakeContext(remaining_ms))
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def ticks(*prices: str) -> list[PriceUpdatedV1]:
    return [make_tick(n, {"USD": Decimal(price)}) for n, price in enumerate(prices, start=1)]


def test_only_the_poison_of_a_batch_comes_back(world: World, queue: FakeQueue) -> None:
    """R8: ten messages, one of them poison."""
    alert = world.create("above", "100")
    bodies = [t.to_message() for t in ticks("90", "91", "92", "93", "94", "95", "96", "97", "100")]
    bodies.insert(4, '{"event_type": "price_updated", "event_version": 99}')
    assert consume(bodies) == ["4"]
    assert queue.pauses == {"4": 1}
    assert world.fired() == world.told() == [(alert.id, 9)]


def test_a_batch_in_any_order_and_repeated_is_applied_in_order(
    world: World, queue: FakeQueue
) -> None:
    """R7"""
    alert = world.create("above", "100")
    first, second, third = (tick.to_message() for tick in ticks("90", "100", "110"))
    assert consume([third, first, third, second, first, second]) == []
    assert world.fired() == world.told() == [(alert.id, 2)]


def test_when_time_runs_out_the_messages_not_begun_come_back(
    world: World, queue: FakeQueue
) -> None:
    """R8: the time is over at the sixth of ten."""
    bodies = [tick.to_message() for tick in ticks(*["90"] * 10)]

    def remaining_ms() -> int:
        return 30_000 if world.sql("SELECT count(*) AS n FROM ticks")[0].n < 5 else 1_000

    back = consume(bodies, remaining_ms)
    # the fifth is stored, but it cannot tell any more whether it is applied
    assert back == ["4", "5", "6", "7", "8", "9"]
    assert set(queue.pauses.values()) == {0}
    assert consume([bodies[int(place)] for place in back]) == []
    assert world.series().applied_sequence == 10


def test_a_tick_stored_but_not_applied_is_applied_when_its_message_comes_back(
    world: World, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    alert = world.create("above", "100")
    first, second = (tick.to_message() for tick in ticks("90", "100"))
    consume([first])
    from alert_service.use_cases import apply_ticks

    def fail(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(apply_ticks, "_advance", fail)
        assert consume([second]) == ["0"]
    assert len(world.sql("SELECT 1 FROM ticks")) == 2
    assert world.fired() == []
    assert consume([second]) == []
    assert world.fired() == world.told() == [(alert.id, 2)]
