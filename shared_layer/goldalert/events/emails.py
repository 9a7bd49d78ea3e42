"""Facts about mails, published by the e-mail service on the topic `emails`."""

from typing import Literal
from uuid import UUID

from goldalert.events.envelope import Event, EventData

MailKind = Literal["welcome", "verification", "password_reset", "registered_again", "alert"]
"""Which mail: the name of its template. All but `alert` are about the account itself."""


class EmailSentData(EventData):
    """A mail that SES accepted.

    Attributes:
        mail_id: the mail in the e-mail service's ledger.
        user_id: whom it is for. The address stays in the e-mail service.
        kind: which mail.
        subject: its subject line.
    """

    mail_id: UUID
    user_id: UUID
    kind: MailKind
    subject: str


class EmailSentV1(Event[EmailSentData]):
    """SES accepted a mail."""

    event_type: Literal["email_sent"] = "email_sent"
    event_version: Literal[1] = 1


class EmailFailedData(EventData):
    """A mail that will not be tried again.

    Attributes:
        mail_id: the mail in the e-mail service's ledger.
        user_id: whom it was for.
        kind: which mail.
        reason: a stable, greppable code, such as `address_suppressed`.
    """

    mail_id: UUID
    user_id: UUID
    kind: MailKind
    reason: str


class EmailFailedV1(Event[EmailFailedData]):
    """A mail was given up."""

    event_type: Literal["email_failed"] = "email_failed"
    event_version: Literal[1] = 1
