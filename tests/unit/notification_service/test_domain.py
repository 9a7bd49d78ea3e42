"""What notifications say."""

from decimal import Decimal
from typing import get_args

import pytest

from goldalert.events.emails import EmailFailedData, EmailSentData, MailKind
from goldalert.events.prices import Origin
from goldalert.events.users import SessionsRevokedData
from goldalert.ids import new_id
from notification_service import domain
from tests.support.facts import tick, trigger


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "Gold rose above 4400 USD: now 4412.10 USD per troy ounce."),
        (
            {"alert_type": "below", "price": Decimal("4399.504")},
            "Gold fell below 4400 USD: now 4399.50 USD per troy ounce.",
        ),
        (
            {"alert_type": "below", "price": Decimal("4399.9961")},
            "Gold fell below 4400 USD: now 4399.996 USD per troy ounce.",
        ),
        (
            {
                "currency": "JPY",
                "unit": "gram",
                "karat": 18,
                "threshold": Decimal("16000.0"),
                "price": Decimal("16012.6"),
            },
            "Gold rose above 16000 JPY: now 16013 JPY per gram of 18 karat.",
        ),
        (
            {"alert_type": "below", "price": Decimal("4400.000")},
            "Gold fell to 4400 USD: now 4400.00 USD per troy ounce.",
        ),
        (
            {"alert_type": "range_exit", "direction": "up", "upper": Decimal("4400")},
            "Gold rose out of your range at 4400 USD: now 4412.10 USD per troy ounce.",
        ),
        (
            {
                "alert_type": "trailing",
                "direction": "down",
                "percent": Decimal(3),
                "change_percent": Decimal("3.07"),
                "reference": Decimal("4551.85"),
                "threshold": Decimal("4415.294500000000"),
            },
            "Gold fell 3.07% from its peak, past 4415.29 USD: now 4412.10 USD per troy ounce.",
        ),
    ],
)
def test_an_alert_says_what_happened(changes: dict[str, object], message: str) -> None:
    assert domain.alert_triggered(tick(), trigger(new_id(), **changes)).message == message


@pytest.mark.parametrize(
    ("origin", "ending"),
    [("live", "ounce."), ("simulator", "(simulated price)."), ("replay", "(replayed price).")],
)
def test_a_price_that_is_not_real_is_labelled(origin: Origin, ending: str) -> None:
    notification = domain.alert_triggered(tick(origin=origin), trigger(new_id()))
    assert notification.message.endswith(ending)
    assert notification.data["origin"] == origin


@pytest.mark.parametrize("note", ["sell the ring", None])
def test_an_alert_brings_the_users_own_words(note: str | None) -> None:
    notification = domain.alert_triggered(tick(), trigger(new_id(), note=note))
    assert notification.data["note"] == note


def test_programs_get_the_facts_of_the_trigger_and_its_tick() -> None:
    of, one = tick(), trigger(new_id(), direction="up", version=2)
    assert domain.alert_triggered(of, one).data == {
        **one.facts(),
        "tick_id": str(of.tick_id),
        "slot": "2026-01-05T12:05:00+00:00",
        "origin": "live",
        "note": None,
    }


def test_each_notification_has_its_trigger_or_event_as_its_source() -> None:
    one, event_id = trigger(new_id()), new_id()
    mail = EmailSentData(mail_id=new_id(), user_id=new_id(), kind="alert", subject="Gold rose")
    assert domain.alert_triggered(tick(), one).source == one.trigger_id
    assert domain.email_sent(event_id, mail).source == event_id


@pytest.mark.parametrize(
    ("reason", "why"),
    [
        ("address_bounced", "your address does not exist or refuses our mail."),
        ("notifications_off", "you had switched your notifications off."),
        ("a_reason_of_tomorrow", "something went wrong on our side."),
    ],
)
def test_a_failed_mail_is_explained(reason: str, why: str) -> None:
    """R11."""
    mail = EmailFailedData(mail_id=new_id(), user_id=new_id(), kind="alert", reason=reason)
    notification = domain.email_failed(new_id(), mail)
    assert notification.message == f"We could not send you your alert mail: {why}"
    assert notification.data["reason"] == reason


@pytest.mark.parametrize("kind", get_args(MailKind))
def test_a_failed_mail_of_any_kind_is_named_for_people(kind: MailKind) -> None:
    mail = EmailFailedData(
        mail_id=new_id(), user_id=new_id(), kind=kind, reason="mailbox_unavailable"
    )
    message = domain.email_failed(new_id(), mail).message
    assert message.startswith("We could not send you ")
    assert "_" not in message


def reasons() -> tuple[str, ...]:
    return get_args(SessionsRevokedData.model_fields["reason"].annotation)


UNTOLD = ["logged_out", "revoked_by_user", "too_many_sessions"]
"""What somebody did themselves, or does with every login of a program that never logs out."""


@pytest.mark.parametrize("reason", sorted({*reasons()} - {*UNTOLD}))
def test_an_end_of_sessions_says_what_happened_and_what_to_do(reason: str) -> None:
    revoked = SessionsRevokedData.model_validate({"user_id": new_id(), "reason": reason})
    event_id = new_id()
    notification = domain.sessions_revoked(event_id, revoked)
    assert notification is not None
    assert (notification.type, notification.source) == ("security", event_id)
    what, *to_do = notification.message.split(". ")
    assert what
    assert to_do


@pytest.mark.parametrize("reason", UNTOLD)
def test_what_is_no_news_is_not_told(reason: str) -> None:
    revoked = SessionsRevokedData.model_validate({"user_id": new_id(), "reason": reason})
    assert domain.sessions_revoked(new_id(), revoked) is None
