"""The resource types that the product deploys, beside those of shop.yaml."""

import json
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from tests.unit.localstack.plugin.support import Function, LocalStack, eventually


@pytest.fixture(scope="module")
def outputs(localstack: LocalStack) -> dict[str, str]:
    return localstack.deploy_stack("post", Path(__file__).with_name("post.yaml").read_text())


def receive(localstack: LocalStack, queue: str) -> list[str]:
    sqs = localstack.client("sqs")
    messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1, MaxNumberOfMessages=10)
    return [message["Body"] for message in messages.get("Messages", [])]


def test_ref_gives_what_it_gives_on_aws(outputs: dict[str, str]) -> None:
    assert outputs["Identity"] == "shop@example.com"
    assert outputs["Mails"] == "mails"
    assert outputs["MailsToTopic"] == "mails|sns"
    assert outputs["LoggedFunctionLogs"] == "/aws/lambda/logged"
    assert outputs["Alarm"] == "dead-letters"
    assert outputs["Secret"].startswith("arn:aws:secretsmanager:")


def test_a_sent_mail_comes_back_as_a_send_event_with_its_tags(
    localstack: LocalStack, outputs: dict[str, str]
) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "shop@example.com", "me@example.com", "Gold"
    mail.set_content("it glitters")
    sent = localstack.client("ses").send_raw_email(
        Destinations=["me@example.com"],
        RawMessage={"Data": mail.as_bytes()},
        Tags=[{"Name": "mail-id", "Value": "42"}],
        ConfigurationSetName=outputs["Mails"],
    )
    [body] = eventually(lambda: receive(localstack, outputs["Queue"]))
    event = json.loads(body)
    assert event["eventType"] == "Send"
    assert event["mail"]["messageId"] == sent["MessageId"]
    assert event["mail"]["tags"]["mail-id"] == ["42"]


def test_a_functions_log_reaches_the_subscribed_function(
    localstack: LocalStack, outputs: dict[str, str]
) -> None:
    Function(localstack.client("lambda"), "logged").invoke()
    lines: list[str] = []

    def whole_log() -> bool:
        lines.extend(receive(localstack, outputs["LogLines"]))
        return any(line.startswith("REPORT ") for line in lines)

    eventually(whole_log)
    assert "all that glitters\n" in lines


def test_a_log_group_keeps_its_retention(localstack: LocalStack, outputs: dict[str, str]) -> None:
    groups: list[dict[str, Any]] = localstack.client("logs").describe_log_groups(
        logGroupNamePrefix=outputs["LoggedFunctionLogs"]
    )["logGroups"]
    assert [group["retentionInDays"] for group in groups] == [14]


def test_the_stack_can_be_deleted_and_deployed_again(localstack: LocalStack) -> None:
    template = """
    Resources:
      Identity: {Type: AWS::SES::EmailIdentity, Properties: {EmailIdentity: brief.example.com}}
      Mails: {Type: AWS::SES::ConfigurationSet, Properties: {Name: brief}}
      Topic: {Type: AWS::SNS::Topic}
      MailsToTopic:
        Type: AWS::SES::ConfigurationSetEventDestination
        Properties:
          ConfigurationSetName: !Ref Mails
          EventDestination:
            Name: brief
            MatchingEventTypes: [send]
            SnsDestination: {TopicARN: !Ref Topic}
    """
    for _ in range(2):
        localstack.deploy_stack("brief", template)
        localstack.delete_stack("brief")
    ses = localstack.client("ses")
    assert "brief.example.com" not in ses.list_identities()["Identities"]
