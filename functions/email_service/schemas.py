"""What clients get from the e-mail service, and what its own queue carries."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from email_service.domain import MailStatus
from goldalert.events.emails import MailKind
from goldalert.http.schemas import View


class EmailLog(View):
    """One mail as its reader or an admin sees it."""

    id: UUID
    recipient: str | None
    kind: MailKind
    subject: str | None
    status: MailStatus
    failure: str | None
    sent_at: datetime | None
    created_at: datetime


class MailDue(BaseModel):
    """A message of the queue of mails to send."""

    model_config = ConfigDict(frozen=True)

    mail_id: UUID
