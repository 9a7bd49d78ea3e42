"""Mails about the account: another verification link, and links to choose a new password."""

from io import StringIO
from typing import Literal
from uuid import UUID

import pytest

from email_service.handlers import (
    on_email_verification_requested,
    on_password_reset_requested,
    on_ses_feedback,
    on_user_deleted,
    on_user_preferences_changed,
    on_user_registered,
)
from goldalert.ids import new_id
from goldalert.observability.log import logger
from tests.support.facts import (
    email_verification_requested,
    password_reset_requested,
    user_deleted,
    user_preferences_changed,
    user_registered,
)
from tests.support.lambda_runtime import deliver
from tests.support.mailbox import EmailService, reset_token_of, ses_event, verification_token_of

Reason = Literal["forgotten", "registered_again"]


@pytest.fixture
def user(email: EmailService) -> UUID:
    """A user who did not verify their address."""
    user_id = new_id()
    deliver(on_user_registered, user_registered(user_id, sealed_token=email.sealer.seal("first")))
    email.run_queue()
    email.mailbox.mails.clear()
    email.published.clear()
    return user_id


@pytest.mark.parametrize(
    ("reason", "subject"),
    [
        ("forgotten", "Gold Price Alert: choose a new password"),
        ("registered_again", "Gold Price Alert: you already have an account"),
    ],
)
def test_a_reset_link_is_mailed_once_to_an_address_that_nobody_verified(
    email: EmailService, user: UUID, reason: Reason, subject: str
) -> None:
    """R7."""
    requested = password_reset_requested(
        user, sealed_token=email.sealer.seal("the-token"), reason=reason
    )
    for _ in range(3):
        assert deliver(on_password_reset_requested, requested) == []
        assert email.run_queue() == []
    [mail] = email.mailbox.mails
    assert (mail.recipient, mail.content.subject) == ("ada@example.com", subject)
    assert reset_token_of(mail.content.text) == "the-token"
    assert "https://api.example/auth/password/reset?token=the-token" in mail.content.html
    assert [(e.event_type, e.data.kind) for e in email.published] == [
        ("email_sent", {"forgotten": "password_reset"}.get(reason, reason))
    ]


def test_each_request_is_a_mail_of_its_own(email: EmailService, user: UUID) -> None:
    for token in ("one", "two"):
        sealed = email.sealer.seal(token)
        deliver(on_password_reset_requested, password_reset_requested(user, sealed_token=sealed))
    email.run_queue()
    assert [reset_token_of(mail.content.text) for mail in email.mailbox.mails] == ["one", "two"]


def test_nobody_is_written_to_when_no_account_has_the_address(email: EmailService) -> None:
    """S2."""
    requested = password_reset_requested(None, sealed_token=email.sealer.seal("decoy"))
    assert deliver(on_password_reset_requested, requested) == []
    assert (email.rows(), email.queue.waiting, email.published) == ([], [], [])


def test_another_verification_link_is_mailed(email: EmailService, user: UUID) -> None:
    requested = email_verification_requested(user, sealed_token=email.sealer.seal("second"))
    assert deliver(on_email_verification_requested, requested) == []
    email.run_queue()
    [mail] = email.mailbox.mails
    assert mail.recipient == "ada@example.com"
    assert verification_token_of(mail.content.text) == "second"


def test_the_token_is_never_stored_in_clear_and_not_at_all_once_sent(
    email: EmailService, user: UUID
) -> None:
    """S15."""
    requested = password_reset_requested(user, sealed_token=email.sealer.seal("the-token"))
    deliver(on_password_reset_requested, requested)
    assert "the-token" not in repr(email.rows())
    assert email.rows()[-1]["sealed_token"] is not None
    email.run_queue()
    assert "the-token" not in repr(email.rows())
    assert email.rows()[-1]["sealed_token"] is None


def test_no_log_line_has_the_token_or_the_address(
    email: EmailService, user: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S15."""
    lines = StringIO()
    monkeypatch.setattr(logger.registered_handler, "stream", lines)
    sealed = email.sealer.seal("the-token")
    deliver(on_password_reset_requested, password_reset_requested(user, sealed_token=sealed))
    deliver(on_password_reset_requested, password_reset_requested(new_id(), sealed_token=sealed))
    email.run_queue()
    written = lines.getvalue()
    assert "event was consumed" in written
    assert "RecipientUnknownError" in written
    for secret in ("ada@example.com", "the-token", sealed):
        assert secret not in written


def test_a_request_that_is_faster_than_the_registration_comes_back(email: EmailService) -> None:
    """R7: also when only the preferences are known yet."""
    user_id, sealed = new_id(), email.sealer.seal("t")
    reset = password_reset_requested(user_id, sealed_token=sealed)
    verification = email_verification_requested(user_id, sealed_token=sealed)
    for _ in range(2):
        assert len(deliver(on_password_reset_requested, reset)) == 1
        assert len(deliver(on_email_verification_requested, verification)) == 1
        deliver(on_user_preferences_changed, user_preferences_changed(user_id))
    deliver(on_user_registered, user_registered(user_id, sealed_token=sealed))
    assert deliver(on_password_reset_requested, reset) == []
    assert deliver(on_email_verification_requested, verification) == []
    email.run_queue()
    assert [mail["kind"] for mail in email.rows()] == ["welcome", "password_reset", "verification"]
    assert email.statuses() == ["sent"] * 3


def test_account_mails_go_to_who_switched_notifications_off(
    email: EmailService, user: UUID
) -> None:
    deliver(on_user_preferences_changed, user_preferences_changed(user, notifications=False))
    sealed = email.sealer.seal("t")
    deliver(on_password_reset_requested, password_reset_requested(user, sealed_token=sealed))
    deliver(
        on_email_verification_requested, email_verification_requested(user, sealed_token=sealed)
    )
    email.run_queue()
    assert email.statuses() == ["sent"] * 3


def test_a_suppressed_address_gets_no_reset_link_either(email: EmailService, user: UUID) -> None:
    """R11."""
    [welcome] = email.rows()
    deliver(on_ses_feedback, ses_event("Complaint", welcome["id"]))
    sealed = email.sealer.seal("t")
    deliver(on_password_reset_requested, password_reset_requested(user, sealed_token=sealed))
    assert email.run_queue() == []
    assert email.statuses() == ["complained", "suppressed"]
    assert email.mailbox.mails == []
    assert email.rows()[-1]["sealed_token"] is None


def test_who_was_erased_is_not_written_to_and_the_request_is_acknowledged(
    email: EmailService, user: UUID
) -> None:
    deliver(on_user_deleted, user_deleted(user))
    sealed = email.sealer.seal("t")
    reset = password_reset_requested(user, sealed_token=sealed)
    verification = email_verification_requested(user, sealed_token=sealed)
    assert deliver(on_password_reset_requested, reset) == []
    assert deliver(on_email_verification_requested, verification) == []
    assert (email.rows(), email.queue.waiting) == ([], [])
