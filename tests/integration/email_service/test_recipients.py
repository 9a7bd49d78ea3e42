"""Who may get mail, and the mail with the verification link."""

from io import StringIO
from itertools import permutations

import pytest

from email_service.handlers import on_alert_triggered, on_user_email_verified, on_user_registered
from goldalert.events.catalogue import AnyEvent
from goldalert.ids import new_id
from goldalert.observability.log import logger
from tests.support.facts import (
    CORRELATION_ID,
    alert_triggered,
    tick,
    trigger,
    user_email_verified,
    user_registered,
)
from tests.support.lambda_runtime import deliver
from tests.support.mailbox import EmailService

CONSUMERS = {
    "user_registered": on_user_registered,
    "user_email_verified": on_user_email_verified,
    "alert_triggered": on_alert_triggered,
}


def tell(event: AnyEvent) -> list[str]:
    return deliver(CONSUMERS[event.event_type], event)


def test_a_new_user_gets_one_mail_with_the_link_and_the_world_is_told_once(
    email: EmailService,
) -> None:
    user_id = new_id()
    registered = user_registered(user_id, sealed_token=email.sealer.seal("the-token"))
    for _ in range(3):
        assert tell(registered) == []
        assert email.run_queue() == []
    [mail] = email.mailbox.mails
    assert mail.recipient == "ada@example.com"
    assert "https://api.example/auth/verify-email?token=the-token" in mail.content.text
    assert "https://api.example/auth/verify-email?token=the-token" in mail.content.html
    [sent] = email.published
    assert (sent.event_type, sent.correlation_id, sent.data.user_id, sent.data.kind) == (
        "email_sent",
        CORRELATION_ID,
        user_id,
        "welcome",
    )
    assert sent.data.subject == mail.content.subject


def test_the_token_is_never_stored_in_clear_and_not_at_all_once_sent(email: EmailService) -> None:
    """S15."""
    tell(user_registered(new_id(), sealed_token=email.sealer.seal("the-token")))
    assert "the-token" not in repr(email.rows())
    assert email.rows()[0]["sealed_token"] is not None
    email.run_queue()
    assert email.rows()[0]["sealed_token"] is None


def test_no_log_line_has_an_address_or_a_token(
    email: EmailService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S15."""
    lines = StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", lines)
    tell(user_registered(new_id(), sealed_token=email.sealer.seal("the-token")))
    tell(user_registered(new_id(), email="bo@example.com", sealed_token="no token of ours"))
    email.run_queue()
    deliver(
        on_user_registered,
        '{"event_type":"user_registered","event_version":1,"data":"bo@example.com"}',
    )
    written = lines.getvalue()
    assert "event was consumed" in written
    assert "token_unreadable" in written
    assert "ValidationError" in written
    for secret in ("ada@example.com", "bo@example.com", "the-token"):
        assert secret not in written


@pytest.mark.parametrize("order", [*permutations(["registered", "verified", "triggered"])])
def test_in_any_order_and_tripled_each_mail_is_sent_once(
    email: EmailService, order: tuple[str, ...]
) -> None:
    """R7."""
    user_id = new_id()
    events: dict[str, AnyEvent] = {
        "registered": user_registered(user_id, sealed_token=email.sealer.seal("t")),
        "verified": user_email_verified(user_id),
        "triggered": alert_triggered(tick(), trigger(user_id)),
    }
    for name in order * 3:
        assert tell(events[name]) == []
        assert email.run_queue() == []
    assert sorted(row["kind"] for row in email.rows()) == ["alert", "welcome"]
    assert email.statuses() == ["sent", "sent"]
    assert len(email.mailbox.mails) == 2
    assert [e.event_type for e in email.published] == ["email_sent", "email_sent"]
    [recipient] = email.rows("SELECT email, name, verified, suppressed FROM recipients")
    assert recipient == {
        "email": "ada@example.com",
        "name": "Ada",
        "verified": True,
        "suppressed": False,
    }


def test_an_unverified_users_alert_mail_is_held_until_they_verify(email: EmailService) -> None:
    user_id = new_id()
    tell(user_registered(user_id, sealed_token=email.sealer.seal("t")))
    email.run_queue()
    tell(alert_triggered(tick(), trigger(user_id)))
    email.run_queue()
    assert email.statuses() == ["sent", "held"]
    assert email.recover() == 0
    tell(user_email_verified(user_id))
    email.run_queue()
    assert email.statuses() == ["sent", "sent"]
    assert len(email.mailbox.mails) == 2


def test_a_mail_that_was_added_while_its_user_verified_is_found(email: EmailService) -> None:
    user_id = new_id()
    tell(alert_triggered(tick(), trigger(user_id)))
    tell(user_email_verified(user_id))
    email.queue.waiting.clear()
    with email.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE mails SET status = 'held'")
    assert email.recover() == 1
    email.run_queue()
    assert email.statuses() == ["sent"]


def test_a_token_that_cannot_be_opened_fails_the_mail_and_tells(email: EmailService) -> None:
    tell(user_registered(new_id(), sealed_token="sealed by nobody"))
    assert email.run_queue() == []
    assert email.statuses() == ["failed"]
    assert [(e.event_type, e.data.reason) for e in email.published] == [
        ("email_failed", "token_unreadable")
    ]


def test_what_is_no_event_comes_back_and_the_others_of_the_batch_are_done(
    email: EmailService,
) -> None:
    """R8, R14."""
    good = user_registered(new_id(), sealed_token=email.sealer.seal("t"))
    unknown = good.to_message().replace('"event_version":1', '"event_version":9')
    assert deliver(on_user_registered, "poison", good, unknown) == ["poison", unknown]
    email.run_queue()
    assert email.statuses() == ["sent"]
