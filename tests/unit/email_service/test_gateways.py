"""SES and the queue: what is sent to them, and what their answers mean."""

import email
import json
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any
from uuid import UUID

import pytest
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from botocore.stub import ANY, Stubber

from email_service.domain import FailureReason, MailContent, OutgoingMail
from email_service.errors import MailPostponedError, MailRefusedError, OutcomeUnknownError
from email_service.gateways import MailDueQueue, SesGateway, compose, parse_ses_event, tags
from goldalert import aws
from goldalert.ids import new_id
from tests.support.mailbox import ses_event

SENDER = "alerts@goldalert.example"


def outgoing(
    *, recipient: str = "ada@example.com", subject: str = "Gold rose", alerts: int = 1
) -> OutgoingMail:
    return OutgoingMail(
        mail_id=UUID(int=1),
        alert_ids=[UUID(int=n + 2) for n in range(alerts)],
        recipient=recipient,
        content=MailContent(subject, "Gold: ¥1\n", "<p>Gold: ¥1</p>\n"),
    )


def parse(message: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(message, policy=SMTP)
    assert isinstance(parsed, EmailMessage)
    return parsed


@pytest.fixture
def ses(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    aws.client.cache_clear()
    with Stubber(aws.client("ses")) as stubber:
        yield stubber
    aws.client.cache_clear()


def test_a_mail_is_a_text_and_an_html_part_in_ascii() -> None:
    message = compose(SENDER, outgoing())
    assert message.isascii()
    mail = parse(message)
    assert mail["From"] == f"Gold Price Alert <{SENDER}>"
    assert mail["To"] == "ada@example.com"
    assert mail["Subject"] == "Gold rose"
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert (plain.get_content(), html.get_content()) == ("Gold: ¥1\r\n", "<p>Gold: ¥1</p>\r\n")


def test_a_subject_of_any_language_arrives_as_written() -> None:
    assert parse(compose(SENDER, outgoing(subject="金价 über €4.400")))["Subject"] == (
        "金价 über €4.400"
    )


@pytest.mark.parametrize("line_break", ["\r\n", "\n", "\r", "\r\n ", "\0"])
def test_a_line_break_in_a_header_field_is_refused(line_break: str) -> None:
    """S13."""
    injected = f"{line_break}Bcc: victim@example.com"
    with pytest.raises(MailRefusedError):
        compose(SENDER, outgoing(subject=f"Gold{injected}"))
    with pytest.raises(MailRefusedError):
        compose(SENDER, outgoing(recipient=f"ada@example.com{injected}"))


@pytest.mark.parametrize(
    "address", ["", "ada", "a@b@c", "ada@", "ada@x,bo@y", "ädä@example.com", "ada@exämple.com"]
)
def test_an_address_that_is_none_is_refused_without_naming_it(address: str) -> None:
    with pytest.raises(MailRefusedError) as refused:
        compose(SENDER, outgoing(recipient=address))
    assert refused.value.reason == FailureReason.ADDRESS_REFUSED
    assert address not in str(refused.value) or address == ""


def test_the_tags_name_the_mail_and_its_alerts() -> None:
    assert tags(outgoing(alerts=2)) == [
        {"Name": "mail_id", "Value": str(UUID(int=1))},
        {"Name": "alert_id", "Value": str(UUID(int=2))},
        {"Name": "alert_id_2", "Value": str(UUID(int=3))},
    ]
    assert len(tags(outgoing(alerts=100))) == 41


def test_a_mail_goes_to_ses_with_its_tags_and_the_configuration_set(ses: Stubber) -> None:
    ses.add_response(
        "send_raw_email",
        {"MessageId": "ses-1"},
        {
            "Source": SENDER,
            "Destinations": ["ada@example.com"],
            "RawMessage": {"Data": ANY},
            "Tags": tags(outgoing()),
            "ConfigurationSetName": "mail-events",
        },
    )
    assert SesGateway(SENDER, "mail-events").send(outgoing()) == "ses-1"


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("Throttling", 400, MailPostponedError),
        ("ThrottlingException", 429, MailPostponedError),
        ("AccountSendingPausedException", 400, MailPostponedError),
        ("ConfigurationSetDoesNotExist", 400, MailPostponedError),
        ("AccessDenied", 403, MailPostponedError),
        ("ServiceUnavailable", 503, MailPostponedError),
        ("MessageRejected", 400, MailRefusedError),
        ("InvalidParameterValue", 400, MailRefusedError),
        ("InternalFailure", 500, OutcomeUnknownError),
    ],
)
def test_what_an_error_of_ses_means(
    ses: Stubber, code: str, status: int, error: type[Exception]
) -> None:
    """R10."""
    ses.add_client_error("send_raw_email", code, "about ada@example.com", http_status_code=status)
    with pytest.raises(error) as raised:
        SesGateway(SENDER, "mail-events").send(outgoing())
    assert "ada@" not in str(raised.value)
    assert raised.value.__cause__ is None, "the log must not show what SES said"
    assert raised.value.__suppress_context__


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (
            "Email address is not verified. The following identities failed the check in region "
            f"EU-CENTRAL-1: {SENDER}, ada@example.com",
            MailPostponedError,
        ),
        ("Email address not verified alerts@goldalert.example", MailPostponedError),
        ("Sending paused for this account.", MailPostponedError),
        ("Sending is paused for configuration set mail-events.", MailPostponedError),
        (
            "Address blacklisted: not-verified@example.com sending-paused@example.com",
            MailRefusedError,
        ),
        ("", MailRefusedError),
    ],
    ids=["unverified", "unverified-localstack", "paused", "set-paused", "mail", "silent"],
)
def test_an_account_that_may_not_send_yet_costs_no_mail(
    ses: Stubber, said: str, error: type[Exception]
) -> None:
    """R10: SES answers MessageRejected of a mail that it will take once the account is in order."""
    ses.add_client_error("send_raw_email", "MessageRejected", said)
    with pytest.raises(error) as raised:
        SesGateway(SENDER, "mail-events").send(outgoing())
    assert "ada@" not in str(raised.value)


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (ConnectTimeoutError(endpoint_url="https://ses"), MailPostponedError),
        (ReadTimeoutError(endpoint_url="https://ses"), OutcomeUnknownError),
    ],
    ids=["not-connected", "no-answer"],
)
def test_a_lost_answer_is_not_taken_for_a_refusal(
    monkeypatch: pytest.MonkeyPatch, failure: Exception, error: type[Exception]
) -> None:
    """R9."""

    class Ses:
        def send_raw_email(self, **_: Any) -> None:
            raise failure

    monkeypatch.setattr(aws, "client", lambda name: Ses())
    with pytest.raises(error):
        SesGateway(SENDER, "mail-events").send(outgoing())


def test_ses_is_asked_once(ses: Stubber) -> None:
    """R9: a second try of the client's own could be a second mail."""
    assert aws.client("ses").meta.config.retries["total_max_attempts"] == 1


def test_an_event_of_ses_becomes_evidence() -> None:
    mail_id = new_id()
    evidence = parse_ses_event(ses_event("Bounce", mail_id, bounceType="Permanent"))
    assert evidence is not None
    assert (evidence.type, evidence.mail_id, evidence.permanent) == ("bounce", mail_id, True)


def test_ids_are_announced_ten_at_a_time_and_a_queue_that_is_down_fails_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    batches: list[list[str]] = []

    class Sqs:
        def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> Any:  # noqa: N803 - boto3's
            batches.append([json.loads(entry["MessageBody"])["mail_id"] for entry in Entries])
            if len(batches) == 1:
                raise ReadTimeoutError(endpoint_url=QueueUrl)
            return {}

    monkeypatch.setattr(aws, "client", lambda name: Sqs())
    ids = [new_id() for _ in range(23)]
    MailDueQueue("https://queue").announce(ids)
    assert [len(batch) for batch in batches] == [10, 10, 3]
    assert [i for batch in batches for i in batch] == [str(i) for i in ids]
