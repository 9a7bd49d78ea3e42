"""The e-mail service in this process: real database and handlers, a mailbox in place of SES."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, text

from email_service.domain import OutgoingMail
from email_service.handlers import on_ses_feedback, scheduled_recover_mails, send_mail
from goldalert.events.catalogue import AnyEvent
from goldalert.security.sealed import Sealer
from tests.support.facts import NOON
from tests.support.lambda_runtime import Context, Sqs, Topics, deliver


class Killed(BaseException):
    """The process ends here: nothing catches it."""


class Mailbox:
    """A gateway that keeps what it is given. A test may make it do something else as well."""

    def __init__(self) -> None:
        self.mails: list[OutgoingMail] = []
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None

    def send(self, mail: OutgoingMail) -> str:
        self.before()
        self.mails.append(mail)
        self.after()
        return f"ses-{mail.mail_id}-{len(self.mails)}"


class Queue:
    """The queue of mails to send."""

    def __init__(self) -> None:
        self.waiting: list[UUID] = []

    def announce(self, mail_ids: Sequence[UUID]) -> None:
        self.waiting += mail_ids


@dataclass
class EmailService:
    engine: Engine
    sealer: Sealer
    sqs: Sqs
    mailbox: Mailbox = field(default_factory=Mailbox)
    queue: Queue = field(default_factory=Queue)
    topics: Topics = field(default_factory=Topics)

    @property
    def published(self) -> list[AnyEvent]:
        return self.topics.events

    def run_queue(self) -> list[str]:
        """Give everything that waits to `send_mail`; return what it gave back."""
        waiting, self.queue.waiting = self.queue.waiting, []
        return self.send(*waiting)

    def send(self, *mail_ids: UUID) -> list[str]:
        return deliver(send_mail, *(json.dumps({"mail_id": str(i)}) for i in mail_ids))

    def recover(self) -> int:
        answer = scheduled_recover_mails.lambda_handler({"id": "schedule-1"}, Context())
        return answer["announced"]

    def ses_tells(self, event_type: str, mail_id: UUID, **details: Any) -> list[str]:
        return deliver(on_ses_feedback, ses_event(event_type, mail_id, **details))

    def pass_time(self, minutes: float) -> None:
        """Make every mail older than it is."""
        with self.engine.begin() as connection:
            connection.execute(
                text(
                    "UPDATE mails SET attempted_at = attempted_at - make_interval(secs => :s), "
                    "leased_until = leased_until - make_interval(secs => :s), "
                    "announced_at = announced_at - make_interval(secs => :s)"
                ),
                {"s": minutes * 60},
            )

    def rows(self, query: str = "SELECT * FROM mails ORDER BY id") -> list[dict[str, Any]]:
        with self.engine.begin() as connection:
            return [dict(row._mapping) for row in connection.execute(text(query))]

    def statuses(self) -> list[str]:
        return [row["status"] for row in self.rows()]


def verification_token_of(text: str) -> str:
    """Return the token of the verification link in a mail's text."""
    return _token_of("/auth/verify-email", text)


def reset_token_of(text: str) -> str:
    """Return the token of the link to choose a new password in a mail's text.

    Example: `reset_token_of(stack.wait_for_mail(address, "new password").text)`.
    """
    return _token_of("/auth/password/reset", text)


def _token_of(path: str, text: str) -> str:
    found = re.search(rf"{path}\?token=([A-Za-z0-9_-]+)", text)
    assert found, text
    return found[1]


def ses_event(event_type: str, mail_id: UUID | str | None, **details: Any) -> str:
    """Return an event as SES publishes it, through SNS with raw delivery."""
    tags = {"ses:configuration-set": ["goldalert-local-mail-events"]}
    if mail_id is not None:
        tags["mail_id"] = [str(mail_id)]
    return json.dumps(
        {
            "eventType": event_type,
            "mail": {
                "timestamp": NOON.isoformat(),
                "source": "alerts@goldalert.example",
                "messageId": f"ses-{mail_id}-1",
                "destination": ["ada@example.com"],
                "tags": tags,
            },
            event_type.lower(): details,
        }
    )
