"""A user who is gone: nothing about them is left, and nothing comes back."""

import json
from collections.abc import Callable
from itertools import permutations
from uuid import UUID

import pytest

from email_service.domain import FailureReason
from email_service.errors import MailPostponedError, MailRefusedError, OutcomeUnknownError
from email_service.handlers import (
    internal,
    on_alert_triggered,
    on_user_deleted,
    on_user_email_verified,
    on_user_preferences_changed,
    on_user_registered,
)
from goldalert.events.catalogue import AnyEvent
from goldalert.ids import new_id
from tests.support.facts import (
    CORRELATION_ID,
    alert_triggered,
    tick,
    trigger,
    user_deleted,
    user_email_verified,
    user_preferences_changed,
    user_registered,
)
from tests.support.lambda_runtime import Context, deliver
from tests.support.mailbox import EmailService

CONSUMERS = {
    "user_registered": on_user_registered,
    "user_email_verified": on_user_email_verified,
    "user_preferences_changed": on_user_preferences_changed,
    "alert_triggered": on_alert_triggered,
    "user_deleted": on_user_deleted,
}
PERMANENT = {"bounceType": "Permanent", "bounceSubType": "General"}


def tell(event: AnyEvent) -> list[str]:
    return deliver(CONSUMERS[event.event_type], event)


def traces(email: EmailService) -> str:
    """Everything that the database holds, tombstones and inbox aside."""
    tables = email.rows(
        "SELECT table_name AS name FROM information_schema.tables "
        "WHERE table_schema = 'public' AND table_name NOT IN ('erased_users', 'inbox')"
    )
    return repr([email.rows(f"SELECT * FROM {table['name']}") for table in tables])


@pytest.fixture
def ada(email: EmailService) -> UUID:
    """A user of whom everything is known, with a mail sent and one due, and somebody else."""
    user_id, other = new_id(), new_id()
    tell(user_registered(user_id, sealed_token=email.sealer.seal("t")))
    tell(user_email_verified(user_id))
    tell(user_preferences_changed(user_id, name="Ada"))
    email.run_queue()
    tell(user_email_verified(other, email="bo@example.com"))
    tell(alert_triggered(tick(), trigger(user_id, note="Ada's ring"), trigger(other)))
    email.published.clear()
    return user_id


def test_nothing_of_an_erased_user_is_left_and_the_world_is_told_once(
    email: EmailService, ada: UUID
) -> None:
    """S18."""
    email.ses_tells("Delivery", email.rows()[0]["id"])
    assert str(ada) in traces(email)
    deleted = user_deleted(ada)
    for _ in range(3):
        assert tell(deleted) == []
    left = traces(email)
    assert not [word for word in (str(ada), "ada@example.com", "Ada") if word in left]
    assert [(e.event_type, e.data.user_id, e.producer) for e in email.published] == [
        ("user_erased", ada, "email_service")
    ]
    assert email.published[0].correlation_id == CORRELATION_ID
    email.run_queue()
    assert [mail.recipient for mail in email.mailbox.mails[1:]] == ["bo@example.com"]


@pytest.mark.parametrize(
    "order",
    [*permutations(["registered", "verified", "preferences", "triggered", "deleted"])][::11],
)
def test_in_any_order_and_tripled_nothing_comes_back(
    email: EmailService, order: tuple[str, ...]
) -> None:
    """R7, S18."""
    user_id = new_id()
    events: dict[str, AnyEvent] = {
        "registered": user_registered(user_id, sealed_token=email.sealer.seal("t")),
        "verified": user_email_verified(user_id),
        "preferences": user_preferences_changed(user_id),
        "triggered": alert_triggered(tick(), trigger(user_id)),
        "deleted": user_deleted(user_id),
    }
    for name in order * 3:
        assert tell(events[name]) == []
    assert email.run_queue() == []
    assert str(user_id) not in traces(email)
    assert email.mailbox.mails == []
    assert [e.event_type for e in email.published] == ["user_erased"]


def refused() -> None:
    raise MailRefusedError(FailureReason.CONTENT_REFUSED, "MessageRejected")


def postponed() -> None:
    raise MailPostponedError("Throttling")


def unknown() -> None:
    raise OutcomeUnknownError("ReadTimeoutError")


@pytest.mark.parametrize(
    ("outcome", "given_back"),
    [(lambda: None, 0), (refused, 0), (postponed, 1), (unknown, 1)],
    ids=["sent", "refused", "postponed", "unknown"],
)
def test_a_mail_whose_user_is_erased_while_it_is_being_sent_does_not_come_back(
    email: EmailService, outcome: Callable[[], None], given_back: int
) -> None:
    """S18."""
    user_id = new_id()
    tell(user_registered(user_id, sealed_token=email.sealer.seal("t")))
    [mail_id] = email.queue.waiting

    def erase_meanwhile() -> None:
        tell(user_deleted(user_id))
        outcome()

    email.mailbox.after = erase_meanwhile
    assert len(email.send(mail_id)) == given_back
    email.mailbox.after = lambda: None
    assert email.send(mail_id) == [], "its message finds nothing to send"
    assert email.ses_tells("Send", mail_id) == []
    assert email.ses_tells("Bounce", mail_id, **PERMANENT) == []
    assert email.recover() == 0
    assert str(user_id) not in traces(email)
    assert [e.event_type for e in email.published] == ["user_erased"]


@pytest.mark.parametrize("first", ["registered", "verified", "preferences"])
def test_an_address_that_bounced_stays_suppressed_when_it_comes_back(
    email: EmailService, ada: UUID, first: str
) -> None:
    """R11: all that is kept of it is a hash."""
    email.ses_tells("Bounce", email.rows()[0]["id"], **PERMANENT)
    tell(user_deleted(ada))
    assert "ada@example.com" not in traces(email)
    email.queue.waiting.clear()
    email.mailbox.mails.clear()
    again, stranger = new_id(), new_id()
    events: dict[str, AnyEvent] = {
        "registered": user_registered(again, sealed_token=email.sealer.seal("t")),
        "verified": user_email_verified(again),
        "preferences": user_preferences_changed(again),
    }
    for event in (events.pop(first), *events.values()):
        tell(event)
        email.run_queue()
    tell(user_registered(stranger, email="eve@example.com", sealed_token=email.sealer.seal("t")))
    email.run_queue()
    assert [mail.recipient for mail in email.mailbox.mails] == ["eve@example.com"]


def test_an_address_that_never_bounced_leaves_no_hash(email: EmailService, ada: UUID) -> None:
    tell(user_deleted(ada))
    assert email.rows("SELECT * FROM suppressed_addresses") == []


def exported(user_id: UUID) -> dict[str, object]:
    call = {
        "action": "export_user",
        "correlation_id": CORRELATION_ID,
        "arguments": {"user_id": str(user_id)},
    }
    answer = internal.lambda_handler(call, Context())
    assert isinstance(answer, dict)
    return json.loads(json.dumps(answer))


def test_an_export_has_the_recipient_and_their_own_mails_without_links(
    email: EmailService, ada: UUID
) -> None:
    """S18."""
    export = exported(ada)
    recipient = export["recipient"]
    assert isinstance(recipient, dict)
    assert recipient.pop("created_at")
    assert recipient == {
        "email": "ada@example.com",
        "name": "Ada",
        "verified": True,
        "suppressed": False,
        "locale": "en",
        "timezone": "UTC",
        "notifications": True,
        "quiet_start": None,
        "quiet_end": None,
        "digest": "off",
    }
    mails = export["mails"]
    assert isinstance(mails, list)
    assert [(mail["kind"], mail["status"]) for mail in mails] == [
        ("alert", "queued"),
        ("welcome", "sent"),
    ]
    assert mails[1]["subject"] == "Welcome to Gold Price Alert: please verify your address"
    assert mails[1]["sent_at"]
    assert export["truncated"] is False
    assert "token" not in json.dumps(export)
    assert "bo@example.com" not in json.dumps(export)


def test_an_export_says_when_older_mails_are_left_out(
    email: EmailService, ada: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goldalert.export.EXPORT_ROWS", 1)
    export = exported(ada)
    assert export["truncated"] is True
    assert [mail["kind"] for mail in export["mails"]] == ["alert"]  # type: ignore[attr-defined]


def test_an_export_of_somebody_unknown_is_empty(email: EmailService) -> None:
    assert exported(new_id()) == {"recipient": None, "mails": [], "truncated": False}
