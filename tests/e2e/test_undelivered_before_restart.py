"""Leaves a message behind that `tests/e2e_restart` looks for after the restart."""

import json
from pathlib import Path
from uuid import uuid4

from goldalert.ids import new_id
from goldalert_local.client import StackClient

EXAMPLE = Path(__file__).parents[2] / "events" / "contracts" / "price_updated" / "v1" / "held.json"


def test_an_event_is_left_in_its_queue(stack: StackClient) -> None:
    correlation_id = f"undelivered-{uuid4()}"
    event = json.loads(EXAMPLE.read_text())
    event |= {"event_id": str(new_id()), "correlation_id": correlation_id}
    stack.aws.sqs.send_message(
        QueueUrl=stack.queue_url("logging-service-on-price-updated"),
        MessageBody=json.dumps(event),
        MessageAttributes={"event_type": {"DataType": "String", "StringValue": "price_updated"}},
        DelaySeconds=900,  # longer than the stack still stands
    )
    (Path(stack.description["state_dir"]) / "undelivered_correlation_id").write_text(correlation_id)
