"""SES and the queue of mails to send, and the shapes that they speak."""

import json
import re
from collections.abc import Sequence
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import TYPE_CHECKING
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from email_service.domain import Evidence, EvidenceType, FailureReason, OutgoingMail
from email_service.errors import MailPostponedError, MailRefusedError, OutcomeUnknownError
from goldalert import aws
from goldalert.observability.log import logger

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_ses.type_defs import MessageTagTypeDef

_SENDER_NAME = "Gold Price Alert"
_MAX_ALERT_TAGS = 40
_BATCH_ENTRIES = 10


class SesGateway:
    """Sends raw mails with SES.

    Args:
        sender: the address of the From header.
        configuration_set: publishes the events that are the evidence.
    """

    def __init__(self, sender: str, configuration_set: str) -> None:
        self._sender = sender
        self._configuration_set = configuration_set

    def send(self, mail: OutgoingMail) -> str:
        """Send a mail and return SES's id of it; raises as the use cases' `Gateway` says."""
        from botocore.exceptions import (
            BotoCoreError,
            ClientError,
            ConnectTimeoutError,
            EndpointConnectionError,
        )

        message = compose(self._sender, mail)
        try:
            answer = aws.client("ses").send_raw_email(
                Source=self._sender,
                Destinations=[mail.recipient],
                RawMessage={"Data": message},
                Tags=tags(mail),
                ConfigurationSetName=self._configuration_set,
            )
        # `from None`: what SES says may hold the address, which no log line may
        except ClientError as error:
            raise _refusal(error) from None
        except (ConnectTimeoutError, EndpointConnectionError) as error:
            raise MailPostponedError(type(error).__name__) from None
        except BotoCoreError as error:
            raise OutcomeUnknownError(type(error).__name__) from None
        return answer["MessageId"]


_NOT_TAKEN = {"ServiceUnavailable", "Throttling", "ThrottlingException"}

# SES says MessageRejected of these, too: the sender has yet to be verified, the account is still
# in the sandbox, or its sending is paused
_ACCOUNT_NOT_READY = re.compile(r"not verified|sending (is )?paused", re.IGNORECASE)


def _refusal(error: "ClientError") -> Exception:
    code = error.response["Error"]["Code"]
    if code == "MessageRejected" and _ACCOUNT_NOT_READY.search(error.response["Error"]["Message"]):
        return MailPostponedError(f"{code}: identity not verified, or sending paused")
    if code == "MessageRejected":
        return MailRefusedError(FailureReason.CONTENT_REFUSED, code)
    if code == "InvalidParameterValue":
        return MailRefusedError(FailureReason.ADDRESS_REFUSED, code)
    if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500 and code not in _NOT_TAKEN:
        return OutcomeUnknownError(code)
    # throttled, paused, a configuration that is wrong: not the mail's fault
    return MailPostponedError(code)


def compose(sender: str, mail: OutgoingMail) -> bytes:
    """Return the mail as it travels: a text and an HTML part, in ASCII.

    Raises:
        MailRefusedError: a header field has a line break, or the address is none that SES takes.
    """
    if re.search(r"[\r\n\x00]", mail.content.subject):
        raise MailRefusedError(FailureReason.CONTENT_REFUSED, "the subject has a line break")
    if not mail.recipient.isascii():
        raise MailRefusedError(FailureReason.ADDRESS_REFUSED, "the address is not ASCII")
    try:
        recipient = Address(addr_spec=mail.recipient)
    except (ValueError, IndexError, MessageError):  # the parser raises all of them
        raise MailRefusedError(FailureReason.ADDRESS_REFUSED, "the address is malformed") from None
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(_SENDER_NAME, addr_spec=sender)
    message["To"] = recipient
    message["Subject"] = mail.content.subject
    message.set_content(mail.content.text, cte="quoted-printable")
    message.add_alternative(mail.content.html, subtype="html", cte="quoted-printable")
    return message.as_bytes()


def tags(mail: OutgoingMail) -> "list[MessageTagTypeDef]":
    """Return the tags that come back with SES's events: `mail_id`, `alert_id`, `alert_id_2`, …"""
    named = [("mail_id", mail.mail_id)]
    for number, alert_id in enumerate(mail.alert_ids[:_MAX_ALERT_TAGS], start=1):
        named.append(("alert_id" if number == 1 else f"alert_id_{number}", alert_id))
    return [{"Name": name, "Value": str(value)} for name, value in named]


# --- SES's own events -----------------------------------------------------------------------------


class _SesMail(BaseModel):
    message_id: str = Field(alias="messageId")
    timestamp: AwareDatetime
    tags: dict[str, list[str]] = {}


class _SesBounce(BaseModel):
    bounce_type: str = Field(alias="bounceType")


class _SesEvent(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    event_type: str = Field(alias="eventType")
    mail: _SesMail
    bounce: _SesBounce | None = None


_EVIDENCE_TYPES: dict[str, EvidenceType] = {
    "Send": "send",
    "Delivery": "delivery",
    "Bounce": "bounce",
    "Complaint": "complaint",
    "Reject": "reject",
}


def parse_ses_event(message: str) -> Evidence | None:
    """Return what an event of SES tells of a mail of ours, or None when it tells nothing.

    Raises:
        ValueError: it is an event, but not as SES documents them
            (https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html).
    """
    if not message.startswith("{"):  # SES greets a new topic with a sentence
        return None
    event = _SesEvent.model_validate_json(message)
    mail_ids = event.mail.tags.get("mail_id")
    evidence_type = _EVIDENCE_TYPES.get(event.event_type)
    if not mail_ids or evidence_type is None:
        return None
    return Evidence(
        type=evidence_type,
        mail_id=UUID(mail_ids[0]),
        ses_message_id=event.mail.message_id,
        occurred_at=event.mail.timestamp,
        permanent=event.bounce is not None and event.bounce.bounce_type == "Permanent",
    )


# --- the queue of mails to send -------------------------------------------------------------------


class MailDueQueue:
    """Tells `send_mail` which mails are due. The ledger is the authority; this only makes it fast.

    Args:
        url: of the queue.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def announce(self, mail_ids: Sequence[UUID]) -> None:
        """Put ids of mails on the queue. What fails is logged: the schedule announces it again."""
        from botocore.exceptions import BotoCoreError, ClientError

        for start in range(0, len(mail_ids), _BATCH_ENTRIES):
            batch = mail_ids[start : start + _BATCH_ENTRIES]
            try:
                answer = aws.client("sqs").send_message_batch(
                    QueueUrl=self._url,
                    Entries=[
                        {"Id": str(mail_id), "MessageBody": json.dumps({"mail_id": str(mail_id)})}
                        for mail_id in batch
                    ],
                )
                failed = len(answer.get("Failed", []))
            except (BotoCoreError, ClientError) as error:
                logger.warning("queue is out of reach", exc_info=error)
                failed = len(batch)
            if failed:
                logger.warning("mails were not announced", extra={"mails": failed})
