"""What recipients like: the read model, the master switch, and the time zone of a mail."""

from datetime import time
from itertools import permutations
from uuid import UUID

import pytest

from email_service.handlers import (
    on_alert_triggered,
    on_user_email_verified,
    on_user_preferences_changed,
    on_user_registered,
)
from goldalert.events.catalogue import AnyEvent
from goldalert.events.users import QuietHours
from goldalert.ids import new_id
from tests.support.facts import (
    alert_triggered,
    tick,
    trigger,
    user_email_verified,
    user_preferences_changed,
    user_registered,
)
from tests.support.lambda_runtime import deliver
from tests.support.mailbox import EmailService

CONSUMERS = {
    "user_registered": on_user_registered,
    "user_email_verified": on_user_email_verified,
    "user_preferences_changed": on_user_preferences_changed,
    "alert_triggered": on_alert_triggered,
}


def tell(event: AnyEvent) -> list[str]:
    return deliver(CONSUMERS[event.event_type], event)


@pytest.fixture
def user(email: EmailService) -> UUID:
    user_id = new_id()
    tell(user_email_verified(user_id))
    return user_id


@pytest.mark.parametrize(
    "order", [*permutations(["registered", "verified", "older", "newer"])][::5]
)
def test_in_any_order_and_tripled_the_newest_preferences_stand_and_nothing_is_lost(
    email: EmailService, order: tuple[str, ...]
) -> None:
    """R7."""
    user_id = new_id()
    events: dict[str, AnyEvent] = {
        "registered": user_registered(user_id, sealed_token=email.sealer.seal("t")),
        "verified": user_email_verified(user_id),
        "older": user_preferences_changed(user_id, version=2, name="Old", notifications=False),
        "newer": user_preferences_changed(
            user_id,
            version=3,
            name="Countess",
            locale="de-CH",
            timezone="Europe/Zurich",
            quiet_hours=QuietHours(start=time(22), end=time(7)),
            digest="daily",
        ),
    }
    for name in order * 3:
        assert tell(events[name]) == []
    [recipient] = email.rows(
        "SELECT email, name, verified, suppressed, preferences_version, locale, timezone, "
        "notifications, quiet_start, quiet_end, digest FROM recipients"
    )
    assert recipient == {
        "email": "ada@example.com",
        "name": "Countess",
        "verified": True,
        "suppressed": False,
        "preferences_version": 3,
        "locale": "de-CH",
        "timezone": "Europe/Zurich",
        "notifications": True,
        "quiet_start": time(22),
        "quiet_end": time(7),
        "digest": "daily",
    }


def test_a_name_that_was_taken_back_is_not_taken_from_the_registration(
    email: EmailService,
) -> None:
    user_id = new_id()
    tell(user_preferences_changed(user_id, name=None))
    tell(user_registered(user_id, sealed_token=email.sealer.seal("t")))
    [recipient] = email.rows("SELECT name FROM recipients")
    assert recipient["name"] is None


def test_quiet_hours_that_are_taken_back_are_gone(email: EmailService, user: UUID) -> None:
    quiet = QuietHours(start=time(22), end=time(7))
    tell(user_preferences_changed(user, version=1, quiet_hours=quiet))
    tell(user_preferences_changed(user, version=2))
    [recipient] = email.rows("SELECT quiet_start, quiet_end FROM recipients")
    assert recipient == {"quiet_start": None, "quiet_end": None}


def test_no_alert_mail_is_written_for_who_switched_notifications_off(
    email: EmailService, user: UUID
) -> None:
    other = new_id()
    tell(user_email_verified(other, email="bo@example.com"))
    tell(user_preferences_changed(user, notifications=False))
    assert tell(alert_triggered(tick(), trigger(user), trigger(other))) == []
    email.run_queue()
    assert [mail.recipient for mail in email.mailbox.mails] == ["bo@example.com"]
    assert len(email.rows()) == 1


def test_a_mail_that_was_written_before_the_switch_went_off_is_suppressed(
    email: EmailService, user: UUID
) -> None:
    tell(alert_triggered(tick(), trigger(user)))
    tell(user_preferences_changed(user, version=1, notifications=False))
    assert email.run_queue() == []
    assert (email.statuses(), email.mailbox.mails) == (["suppressed"], [])
    assert [(e.event_type, e.data.reason) for e in email.published] == [
        ("email_failed", "notifications_off")
    ]
    tell(user_preferences_changed(user, version=2, notifications=True))
    email.pass_time(minutes=60)
    assert email.recover() == 0, "what was suppressed stays so"
    tell(alert_triggered(tick(), trigger(user)))
    email.run_queue()
    assert email.statuses() == ["suppressed", "sent"]


def test_an_alert_mail_tells_the_time_in_the_readers_time_zone(
    email: EmailService, user: UUID
) -> None:
    tell(user_preferences_changed(user, timezone="Europe/Zurich"))
    tell(alert_triggered(tick(), trigger(user)))
    email.run_queue()
    [mail] = email.mailbox.mails
    assert "January 5, 2026, 13:05 UTC+01:00" in mail.content.text
