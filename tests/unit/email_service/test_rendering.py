"""What the mails say, to the letter, and what hostile input makes of them."""

from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import email_service
from email_service.domain import (
    AlertMail,
    MailTemplate,
    OutgoingMail,
    alert_mail,
    reset_mail,
    verification_mail,
)
from email_service.errors import MailRefusedError
from email_service.gateways import compose
from email_service.rendering import money, percent, render
from goldalert.events.alerts import Trigger
from tests.support.facts import tick, trigger

MAILS = Path(email_service.__file__).parent / "migrations" / "mails"
ORIGIN = "https://api.example"
SES_BYTES = 10 * 1024 * 1024


def template(name: str) -> MailTemplate:
    folder = MAILS / name
    return MailTemplate(
        locale="en",
        subject=(folder / "subject.txt").read_text(encoding="utf-8").strip(),
        text=(folder / "body.txt").read_text(encoding="utf-8"),
        html=(folder / "body.html").read_text(encoding="utf-8"),
    )


def triggered(**changes: Any) -> Trigger:
    return trigger(UUID(int=4), **{"alert_id": UUID(int=2), "direction": "up"} | changes)


def alert(*triggers: Trigger, timezone: str = "UTC", **tick_changes: Any) -> AlertMail:
    return alert_mail(ORIGIN, tick(**tick_changes), list(triggers), timezone)


def test_the_alert_mail_to_the_letter() -> None:
    content = render(template("alert"), alert(triggered(note="Sell two coins")))
    assert content.subject == "Gold rose above $4,400.00: now $4,412.10"
    assert (
        content.text
        == """\
Gold rose above $4,400.00

  Price now:  $4,412.10 per troy ounce of fine gold
  Threshold:  $4,400.00
  Difference: $12.10 (0.28%)
  Your note:  Sell two coins
  Your alert: https://api.example/alert/00000000-0000-0000-0000-000000000002

When:    January 5, 2026, 12:05 UTC
Sources: swissquote, gold-api (2 of 2 agree)

You get this mail because you set this alert.

Gold Price Alert
"""
    )


@pytest.mark.parametrize(
    ("changes", "subject", "lines"),
    [
        (
            {
                "alert_type": "range_enter",
                "lower": Decimal("4400"),
                "upper": Decimal("4500.5"),
            },
            "Gold rose into your range at $4,400.00: now $4,412.10",
            "  Range:      $4,400.00 to $4,500.50",
        ),
        (
            {
                "alert_type": "percent_change",
                "window": "24h",
                "percent": Decimal(2),
                "change_percent": Decimal("2.308"),
                "reference": Decimal("4312.57"),
                "threshold": Decimal("4398.8214"),
            },
            "Gold rose 2.31% in 24 hours, past $4,398.82: now $4,412.10",
            "  1 day ago:  $4,312.57\n  2% above:   $4,398.82",
        ),
        (
            {
                "alert_type": "trailing",
                "percent": Decimal(3),
                "change_percent": Decimal("3.07"),
                "reference": Decimal("4551.85"),
                "threshold": Decimal("4415.2945"),
                "direction": "down",
            },
            "Gold fell 3.07% from its peak, past $4,415.29: now $4,412.10",
            "  Peak:       $4,551.85\n  3% below:   $4,415.29",
        ),
        (
            {
                "alert_type": "sma_cross",
                "period": 20,
                "change_percent": Decimal("0.05"),
                "reference": Decimal("4410"),
                "threshold": Decimal("4410"),
            },
            "Gold rose above its average of 20 ticks, $4,410.00: now $4,412.10",
            "  Average:    $4,410.00",
        ),
    ],
    ids=["range", "percent", "trailing", "average"],
)
def test_the_alert_mail_says_what_the_condition_is_made_of(
    changes: dict[str, Any], subject: str, lines: str
) -> None:
    content = render(template("alert"), alert(triggered(**changes)))
    assert content.subject == subject
    assert f"\n{lines}\n" in content.text
    for line in lines.splitlines():
        name, value = line.strip().split(":", 1)
        assert f"{name}: <strong>{value.strip()}</strong>" in content.html


def test_a_price_that_is_within_half_a_cent_of_its_threshold_is_not_shown_as_equal() -> None:
    content = render(
        template("alert"), alert(triggered(direction="down", price=Decimal("4399.9961")))
    )
    assert content.subject == "Gold fell below $4,400.00: now $4,399.996"
    assert "Difference: $0.004 (0.00%)" in content.text


@pytest.mark.parametrize(
    ("origin", "begins", "caution"),
    [
        ("simulator", "[Simulated] ", "This price was simulated."),
        ("replay", "[Replay] ", "This price was replayed from recorded history."),
    ],
)
def test_a_mail_about_a_price_that_is_not_real_says_so(
    origin: str, begins: str, caution: str
) -> None:
    real = render(template("alert"), alert(triggered()))
    content = render(template("alert"), alert(triggered(), origin=origin))

    assert content.subject == begins + real.subject
    for part, of_a_real_one in ((content.text, real.text), (content.html, real.html)):
        assert caution in part
        assert caution not in of_a_real_one


def test_both_parts_tell_of_every_trigger_and_that_a_price_is_simulated() -> None:
    content = render(
        template("alert"),
        alert(
            triggered(),
            triggered(
                alert_id=UUID(int=3),
                direction="down",
                currency="CHF",
                unit="gram",
                karat=18,
                threshold=Decimal("85.5"),
                price=Decimal("85.1234"),
            ),
            origin="simulator",
            sources=["simulator"],
        ),
    )
    assert content.subject == "[Simulated] 2 of your gold price alerts triggered"
    for part in (content.text, content.html):
        for fact in (
            "Gold rose above $4,400.00",
            "$4,412.10",
            "Gold fell below CHF\u00a085.50",
            "CHF\u00a085.12",
            "gram of 18 karat gold",
            f"{ORIGIN}/alert/{UUID(int=2)}",
            f"{ORIGIN}/alert/{UUID(int=3)}",
            "January 5, 2026, 12:05 UTC",
            "This price was simulated. It is not a real market price.",
        ):
            assert fact in part


def test_the_welcome_mail_to_the_letter() -> None:
    content = render(template("welcome"), verification_mail(ORIGIN, "Ada", "tok"))
    assert content.subject == "Welcome to Gold Price Alert: please verify your address"
    assert content.text.startswith("Welcome, Ada!\n")
    assert f"\n{ORIGIN}/auth/verify-email?token=tok\n" in content.text
    assert content.html.count(f'href="{ORIGIN}/auth/verify-email?token=tok"') == 2


def test_the_welcome_mail_without_a_name() -> None:
    content = render(template("welcome"), verification_mail(ORIGIN, None, "tok"))
    assert content.text.startswith("Welcome!\n")
    assert "<h1" in content.html
    assert ">Welcome!</h1>" in content.html


def test_another_verification_link_to_the_letter() -> None:
    content = render(template("verification"), verification_mail(ORIGIN, "Ada", "tok"))
    assert content.subject == "Gold Price Alert: please verify your address"
    assert content.text.startswith("Hello Ada,\n")
    assert f"\n{ORIGIN}/auth/verify-email?token=tok\n" in content.text
    assert content.html.count(f'href="{ORIGIN}/auth/verify-email?token=tok"') == 2


@pytest.mark.parametrize(
    ("name", "subject", "words"),
    [
        (
            "password_reset",
            "Gold Price Alert: choose a new password",
            "ignore this mail: your password stays as it is.",
        ),
        (
            "registered_again",
            "Gold Price Alert: you already have an account",
            "ignore this mail: nothing was changed.",
        ),
    ],
)
def test_the_mails_with_a_reset_link_to_the_letter(name: str, subject: str, words: str) -> None:
    content = render(template(name), reset_mail(ORIGIN, "Ada", "tok"))
    assert content.subject == subject
    assert content.text.startswith("Hello Ada,\n\nSomebody, probably you, ")
    assert f"\n{ORIGIN}/auth/password/reset?token=tok\n" in content.text
    assert content.html.count(f'href="{ORIGIN}/auth/password/reset?token=tok"') == 2
    for part in (content.text, content.html):
        assert words in part


@pytest.mark.parametrize("name", ["verification", "password_reset", "registered_again"])
def test_an_address_is_greeted_by_no_name_that_carries_a_message(name: str) -> None:
    """S13."""
    write = verification_mail if name == "verification" else reset_mail
    content = render(template(name), write(ORIGIN, "Win at evil.example", "tok"))
    assert content.text.startswith("Hello,\n")
    assert "evil" not in content.text + content.html


def test_a_hostile_note_stays_text_in_html() -> None:
    """S13."""
    note = "<script>alert(1)</script><img src=x onerror=alert(1)>{{ 7 * 7 }}\"'"
    content = render(template("alert"), alert(triggered(note=note)))
    assert "<script" not in content.html
    assert "<img" not in content.html
    assert "{{ 7 * 7 }}" in content.html, "what a user writes is no template"
    assert note in content.text


@pytest.mark.parametrize(
    "source",
    [
        "{{ alerts[0].missing }}",
        "{{ unknown }}",
        "{{ alerts.__class__.__mro__ }}",
        "{{ ''.__class__ }}",
        "{{ alerts.append(1) }}",
        "{% for x in range(10**9) %}x{% endfor %}",
        "{% for x in range(99999) %}{{ x }} is too much{% endfor %}",
        "{{ 1 / 0 }}",
        "{% if %}",
        "{{ 'x'|money('USD') }}",
    ],
)
def test_a_template_that_uses_what_it_may_not_is_refused(source: str) -> None:
    """S13."""
    with pytest.raises(MailRefusedError):
        render(
            MailTemplate(locale="en", subject="s", text=source, html="h"),
            alert(triggered()),
        )


@pytest.mark.parametrize("character", ["&", "\U0001f4c8"], ids=["escaped", "emoji"])
def test_a_mail_with_a_hundred_triggers_and_the_longest_notes_fits(character: str) -> None:
    note = character * 500
    content = render(template("alert"), alert(*[triggered(note=note)] * 100, origin="replay"))
    assert content.text.count(note) == 100
    message = compose("alerts@goldalert.example", OutgoingMail(UUID(int=1), [], "a@b.ch", content))
    assert len(message) < SES_BYTES


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        ("4389.38", "USD", "$4,389.38"),
        ("4389", "USD", "$4,389.00"),
        ("4389.384", "USD", "$4,389.384"),
        ("4389.38", "EUR", "€4,389.38"),
        ("651234", "JPY", "¥651,234"),
        ("4389.38", "CHF", "CHF\u00a04,389.38"),
        ("4389.38", "AED", "AED\u00a04,389.38"),
        ("4389.38", "INR", "₹4,389.38"),
        ("-4389.38", "USD", "-$4,389.38"),
    ],
)
def test_money_has_its_sign_and_decimal_places(amount: str, currency: str, shown: str) -> None:
    assert money(Decimal(amount), currency, "en") == shown


@pytest.mark.parametrize(
    ("timezone", "shown"),
    [
        ("UTC", "When:    January 5, 2026, 12:05 UTC\n"),
        ("Europe/Zurich", "When:    January 5, 2026, 13:05 UTC+01:00\n"),
        ("Pacific/Auckland", "When:    January 6, 2026, 01:05 UTC+13:00\n"),
    ],
)
def test_times_are_shown_in_the_readers_time_zone(timezone: str, shown: str) -> None:
    assert shown in render(template("alert"), alert(triggered(), timezone=timezone)).text


def test_percent_has_two_decimal_places() -> None:
    assert percent(Decimal("0.275"), "en") == "0.28%"
