"""What SES tells of mails, and what follows from it."""

from itertools import permutations
from uuid import UUID

import pytest

from email_service.handlers import on_alert_triggered, on_ses_feedback, on_user_email_verified
from goldalert.ids import new_id
from tests.support.facts import alert_triggered, tick, trigger, user_email_verified
from tests.support.lambda_runtime import deliver
from tests.support.mailbox import EmailService, ses_event

PERMANENT = {"bounceType": "Permanent", "bounceSubType": "General"}
TRANSIENT = {"bounceType": "Transient", "bounceSubType": "MailboxFull"}


@pytest.fixture
def user(email: EmailService) -> UUID:
    user_id = new_id()
    deliver(on_user_email_verified, user_email_verified(user_id))
    return user_id


@pytest.fixture
def mail_id(email: EmailService, user: UUID) -> UUID:
    """A mail that was sent."""
    deliver(on_alert_triggered, alert_triggered(tick(), trigger(user)))
    [announced] = email.queue.waiting
    email.run_queue()
    email.published.clear()
    return announced


def is_suppressed(email: EmailService) -> bool:
    [recipient] = email.rows("SELECT suppressed FROM recipients")
    return bool(recipient["suppressed"])


@pytest.mark.parametrize(
    ("event_type", "details", "status", "reason", "suppressed"),
    [
        ("Bounce", PERMANENT, "bounced", "address_bounced", True),
        ("Bounce", TRANSIENT, "bounced", "mailbox_unavailable", False),
        ("Complaint", {"complaintFeedbackType": "abuse"}, "complained", "complained", True),
        ("Reject", {"reason": "Bad content"}, "failed", "content_refused", False),
    ],
    ids=["permanent-bounce", "transient-bounce", "complaint", "reject"],
)
def test_bad_news_that_comes_twice_is_acted_on_once(
    email: EmailService,
    mail_id: UUID,
    event_type: str,
    details: dict[str, str],
    status: str,
    reason: str,
    suppressed: bool,
) -> None:
    """R11."""
    for _ in range(2):
        assert email.ses_tells(event_type, mail_id, **details) == []
    assert email.statuses() == [status]
    assert [(e.event_type, e.data.reason) for e in email.published] == [("email_failed", reason)]
    assert is_suppressed(email) == suppressed


def test_a_suppressed_address_gets_no_more_mail_and_the_user_is_told(
    email: EmailService, user: UUID, mail_id: UUID
) -> None:
    """R11."""
    email.ses_tells("Bounce", mail_id, **PERMANENT)
    email.published.clear()
    deliver(on_alert_triggered, alert_triggered(tick(), trigger(user)))
    assert email.run_queue() == []
    assert email.statuses() == ["bounced", "suppressed"]
    assert len(email.mailbox.mails) == 1
    assert [(e.event_type, e.data.reason) for e in email.published] == [
        ("email_failed", "address_suppressed")
    ]


@pytest.mark.parametrize("order", [*permutations(["Send", "Delivery", "Complaint"])])
def test_evidence_in_any_order_and_tripled_ends_in_the_same_state(
    email: EmailService, mail_id: UUID, order: tuple[str, ...]
) -> None:
    """R7."""
    for event_type in order * 3:
        email.ses_tells(event_type, mail_id)
    assert email.statuses() == ["complained"]
    assert [e.event_type for e in email.published] == ["email_failed"]
    assert len(email.rows("SELECT * FROM mail_evidence")) == 3


def test_a_bounce_before_the_mark_tells_of_both(email: EmailService, user: UUID) -> None:
    deliver(on_alert_triggered, alert_triggered(tick(), trigger(user)))
    [mail_id] = email.queue.waiting

    def tell_of_bounce() -> None:
        email.ses_tells("Bounce", mail_id, **PERMANENT)

    email.mailbox.after = tell_of_bounce
    email.run_queue()
    assert email.statuses() == ["bounced"]
    assert [e.event_type for e in email.published] == ["email_sent", "email_failed"]


@pytest.mark.parametrize(
    "message",
    [
        "Successfully validated SNS topic for Amazon SES event publishing.",
        ses_event("Send", None),
        ses_event("Send", new_id()),
        ses_event("Open", new_id()),
    ],
    ids=["greeting", "no-tag", "unknown-mail", "unknown-type"],
)
def test_what_tells_of_no_mail_of_ours_is_acknowledged(email: EmailService, message: str) -> None:
    assert deliver(on_ses_feedback, message) == []


@pytest.mark.parametrize(
    "message",
    ["{}", '{"eventType": "Send"}', ses_event("Send", "no-uuid")],
    ids=["empty", "no-mail", "no-id"],
)
def test_an_event_of_another_shape_comes_back(email: EmailService, message: str) -> None:
    """R14."""
    assert deliver(on_ses_feedback, message) == [message]
