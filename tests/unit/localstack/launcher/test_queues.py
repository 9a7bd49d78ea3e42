"""What is sent again after a restart, and what becomes of a message that SQS refuses."""

import json
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from goldalert_local import queues
from goldalert_local.aws import Aws
from goldalert_local.queues import restore

QUEUE = "goldalert-local-a-queue"
URL = f"http://127.0.0.1:1/000000000000/{QUEUE}"


@pytest.fixture
def aws() -> Aws:
    return Aws("http://127.0.0.1:1")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "undelivered.json"
    path.write_text(json.dumps({QUEUE: [message("refused"), message("good")]}))
    return path


def message(body: str) -> dict[str, object]:
    return {"MessageBody": body, "MessageAttributes": {}}


def sent(body: str) -> dict[str, object]:
    return {"QueueUrl": URL, **message(body)}


def test_a_refused_message_is_put_aside_and_the_others_are_sent(aws: Aws, saved: Path) -> None:
    aside = saved.with_suffix(".homeless.json")
    aside.write_text(json.dumps({QUEUE: [message("of an earlier start")]}))
    with Stubber(aws.sqs) as sqs:
        sqs.add_response("list_queues", {"QueueUrls": [URL]})
        sqs.add_client_error("send_message", "InvalidMessageContents", http_status_code=400)
        sqs.add_response("send_message", {}, sent("good"))
        assert restore(aws, saved) == 1
        sqs.assert_no_pending_responses()
    assert not saved.exists()
    assert json.loads(aside.read_text()) == {
        QUEUE: [message("of an earlier start"), message("refused")]
    }


def test_a_message_that_is_none_is_put_aside(
    aws: Aws, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = {QUEUE: [{"MessageBody": None}]}
    saved.write_text(json.dumps(none))
    monkeypatch.setattr(queues, "queue_urls", lambda _aws: [URL])  # the client itself refuses it
    assert restore(aws, saved) == 0
    assert json.loads(saved.with_suffix(".homeless.json").read_text()) == none


def test_everything_is_kept_when_sqs_itself_fails(aws: Aws, saved: Path) -> None:
    before = saved.read_text()
    with Stubber(aws.sqs) as sqs:
        sqs.add_response("list_queues", {"QueueUrls": [URL]})
        sqs.add_client_error("send_message", "InternalError", http_status_code=500)
        with pytest.raises(ClientError):
            restore(aws, saved)
    assert saved.read_text() == before
