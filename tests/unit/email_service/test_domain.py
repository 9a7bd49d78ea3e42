"""The rules of mails."""

from dataclasses import replace
from decimal import Decimal
from itertools import product
from typing import get_args

import pytest

from email_service.domain import (
    DueMail,
    Evidence,
    EvidenceType,
    FailureReason,
    MailStatus,
    alert_mail,
    greeting_name,
    judge,
    obstacle,
    reset_mail,
    suppresses,
    verification_mail,
)
from goldalert.events.alerts import Trigger
from goldalert.events.emails import MailKind
from goldalert.ids import new_id
from tests.support.facts import NOON, tick, trigger


def triggered(**changes: object) -> Trigger:
    return Trigger.model_validate(trigger(new_id()).model_dump() | changes)


def due(kind: MailKind) -> DueMail:
    return DueMail(
        id=new_id(),
        user_id=new_id(),
        kind=kind,
        recipient="ada@example.com",
        name="Ada",
        suppressed=False,
        notifications=True,
        timezone="UTC",
        correlation_id="c",
        sealed_token=None,
        tick=None,
        triggers=[],
    )


def evidence(evidence_type: EvidenceType, *, permanent: bool = False) -> Evidence:
    return Evidence(evidence_type, new_id(), "ses-1", NOON, permanent)


@pytest.mark.parametrize(
    "name", ["Ada", "Ada Lovelace", "Dr. O'Neill-Çelik", "李雷", "अदा", "Ada 2"]
)
def test_a_name_is_greeted(name: str) -> None:
    assert greeting_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        None,
        "",
        "A" * 51,
        "Win at evil.example",
        "https://evil",
        "see evil/x",
        "mail me@evil",
        "WWW evil",
        "<b>Ada</b>",
        "Ada\r\nBcc: all",
        "Ada\u2028you won",
    ],
)
def test_a_name_that_carries_a_message_is_not_greeted(name: str | None) -> None:
    assert greeting_name(name) is None


def test_the_token_is_quoted_in_the_link() -> None:
    mail = verification_mail("https://api.example", "Ada", "a&b=c#d/e")
    assert mail.verification_link == (
        "https://api.example/auth/verify-email?token=a%26b%3Dc%23d%2Fe"
    )


def test_the_token_is_quoted_in_the_reset_link() -> None:
    mail = reset_mail("https://api.example", "Ada", "a&b=c#d/e")
    assert mail.reset_link == ("https://api.example/auth/password/reset?token=a%26b%3Dc%23d%2Fe")


@pytest.mark.parametrize(
    ("kind", "changes", "reason"),
    [
        ("alert", {}, None),
        ("alert", {"notifications": False}, FailureReason.NOTIFICATIONS_OFF),
        ("alert", {"suppressed": True}, FailureReason.ADDRESS_SUPPRESSED),
        ("welcome", {"notifications": False}, None),
        ("verification", {"notifications": False}, None),
        ("password_reset", {"notifications": False}, None),
        ("registered_again", {"notifications": False}, None),
        ("password_reset", {"suppressed": True}, FailureReason.ADDRESS_SUPPRESSED),
    ],
)
def test_only_alerts_can_be_switched_off_and_nothing_goes_to_a_suppressed_address(
    kind: MailKind, changes: dict[str, bool], reason: FailureReason | None
) -> None:
    assert obstacle(replace(due(kind), **changes)) == reason


@pytest.mark.parametrize(
    ("changes", "movement", "distance", "percent"),
    [
        ({"direction": "up"}, "rose above", "12.10", "0.28"),
        ({"direction": "down", "price": "4389"}, "fell below", "11", "0.25"),
        ({"direction": "down", "price": "4400"}, "fell to", "0", "0.00"),
        ({"direction": "up", "threshold": "0"}, "rose above", "4412.10", "0.00"),
    ],
    ids=["up", "down", "down-to-it", "up-from-nothing"],
)
def test_a_line_says_how_the_price_moved_and_how_far(
    changes: dict[str, str], movement: str, distance: str, percent: str
) -> None:
    one = triggered(**changes)
    [line] = alert_mail("https://api.example", tick(), [one], "UTC").alerts
    assert (line.movement, line.distance) == (movement, Decimal(distance))
    assert round(line.distance_percent, 2) == Decimal(percent)
    assert (line.lower, line.reference, line.reference_name) == (None, None, None)
    assert line.link == f"https://api.example/alert/{one.alert_id}"


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"alert_type": "percent_change", "window": "1h"}, "1 hour ago"),
        ({"alert_type": "percent_change", "window": "30d"}, "30d ago"),
        ({"alert_type": "trailing"}, "Peak"),
        ({"alert_type": "a_type_of_tomorrow"}, "Reference"),
    ],
)
def test_a_line_names_what_the_price_is_measured_against(
    changes: dict[str, object], name: str
) -> None:
    one = triggered(reference="4412.1038", **changes)
    [line] = alert_mail("https://api.example", tick(), [one], "UTC").alerts
    assert line.reference_name == name
    assert line.reference == Decimal("4412.1038"), "never rounded to the price"


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"alert_type": "above"}, "Threshold"),
        ({"alert_type": "percent_change", "percent": "2.50"}, "2.5% above"),
        ({"alert_type": "percent_change", "percent": "-2"}, "2% below"),
        ({"alert_type": "trailing", "percent": "3"}, "3% below"),
        ({"alert_type": "sma_cross"}, "Average"),
    ],
)
def test_a_line_names_what_the_price_has_reached(changes: dict[str, object], name: str) -> None:
    [line] = alert_mail("https://api.example", tick(), [triggered(**changes)], "UTC").alerts
    assert line.threshold_name == name


def test_a_line_does_not_say_twice_what_the_price_has_crossed() -> None:
    average = triggered(alert_type="sma_cross", period=20, reference="4400.0", threshold="4400")
    [line] = alert_mail("https://api.example", tick(), [average], "UTC").alerts
    assert (line.threshold, line.reference, line.reference_name) == (4400, None, None)


@pytest.mark.parametrize(
    ("origin", "label"), [("live", None), ("simulator", "Simulated"), ("replay", "Replay")]
)
def test_a_price_that_is_not_real_is_labelled(origin: str, label: str | None) -> None:
    mail = alert_mail("https://api.example", tick(origin=origin), [triggered()], "UTC")
    assert mail.label == label
    assert (mail.caution is None) == (label is None)


@pytest.mark.parametrize(
    ("status", "told", "becomes", "newly_sent", "failure"),
    [
        ("sending", evidence("send"), "sent", True, None),
        ("queued", evidence("send"), "sent", True, None),
        ("sending", evidence("delivery"), "delivered", True, None),
        ("sent", evidence("delivery"), "delivered", False, None),
        (
            "sending",
            evidence("bounce", permanent=True),
            "bounced",
            True,
            FailureReason.ADDRESS_BOUNCED,
        ),
        ("delivered", evidence("bounce"), "bounced", False, FailureReason.MAILBOX_UNAVAILABLE),
        ("delivered", evidence("complaint"), "complained", False, FailureReason.COMPLAINED),
        ("bounced", evidence("complaint"), "complained", False, None),
        ("sending", evidence("reject"), "failed", False, FailureReason.CONTENT_REFUSED),
    ],
)
def test_evidence_settles_a_mail(
    status: MailStatus,
    told: Evidence,
    becomes: MailStatus,
    newly_sent: bool,
    failure: FailureReason | None,
) -> None:
    verdict = judge(status, told)
    assert verdict is not None
    assert (verdict.status, verdict.newly_sent, verdict.failure) == (becomes, newly_sent, failure)


@pytest.mark.parametrize(
    ("status", "evidence_type"), list(product(get_args(MailStatus), get_args(EvidenceType)))
)
def test_the_same_evidence_tells_nothing_new_the_second_time(
    status: MailStatus, evidence_type: EvidenceType
) -> None:
    """R7."""
    told = evidence(evidence_type)
    verdict = judge(status, told)
    assert judge(verdict.status if verdict else status, told) is None


def test_a_permanent_bounce_and_a_complaint_suppress_the_address() -> None:
    """R11."""
    assert suppresses(evidence("bounce", permanent=True))
    assert suppresses(evidence("complaint"))
    assert not suppresses(evidence("bounce"))
    assert not suppresses(evidence("delivery"))
