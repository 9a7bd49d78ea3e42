import time
from pathlib import Path
from statistics import median

from tests.unit.localstack.plugin.support import Deploy, LocalStack, eventually

# Without the plugin, the poller of an idle queue looks again after a second or more.
AT_ONCE_SECONDS = 0.5

CODE = """
import pathlib, time
def handler(event, context):
    for record in event["Records"]:
        target = pathlib.Path(record["body"])
        target.with_suffix(".part").write_text(str(time.time()))
        target.with_suffix(".part").rename(target)
"""


def test_a_message_on_an_idle_queue_is_handled_at_once(
    deploy: Deploy, localstack: LocalStack, tmp_path: Path
) -> None:
    sqs = localstack.client("sqs")
    queue = sqs.create_queue(QueueName="idle")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    localstack.client("lambda").create_event_source_mapping(
        EventSourceArn=arn["Attributes"]["QueueArn"], FunctionName=deploy(CODE).name
    )

    def handled_after(name: str) -> float:
        target, sent = tmp_path / name, time.time()
        sqs.send_message(QueueUrl=queue, MessageBody=str(target))
        eventually(target.exists)
        return float(target.read_text()) - sent

    handled_after("cold")
    delays = [handled_after(f"warm-{n}") for n in range(5)]
    assert median(delays) < AT_ONCE_SECONDS, delays
