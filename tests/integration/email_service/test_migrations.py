"""A database of an earlier version keeps what it has, and gets what is new."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

import email_service
from goldalert.events.alerts import Trigger
from goldalert.ids import new_id
from tests.support.migrations import FirstVersion


def test_a_database_of_the_first_version_is_upgraded_with_its_mails(
    first_version: Callable[..., FirstVersion],
) -> None:
    database = first_version("email_service", "verification", "password_reset", "registered_again")
    ada = new_id()
    with database.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO recipients (user_id, email) VALUES (:id, 'ada@example.com')"),
            {"id": ada},
        )
        connection.execute(
            text(
                "INSERT INTO mails (id, user_id, kind, dedupe_key, status, correlation_id) "
                "VALUES (:id, :id, 'alert', 'alert:1', 'held', 'c')"
            ),
            {"id": ada},
        )
    database.upgrade()
    with database.engine.begin() as connection:
        templates = connection.execute(text("SELECT name FROM email_templates ORDER BY name"))
        recipients = connection.execute(
            text("SELECT user_id, email, notifications, timezone, digest FROM recipients")
        )
        assert [*templates.scalars()] == [
            "alert",
            "password_reset",
            "registered_again",
            "verification",
            "welcome",
        ]
        assert [tuple(row) for row in recipients] == [(ada, "ada@example.com", True, "UTC", "off")]
        assert connection.execute(text("SELECT status FROM mails")).scalar_one() == "held"


@pytest.mark.parametrize(("direction", "alert_type"), [("up", "above"), ("down", "below")])
def test_a_mail_that_waits_tells_what_it_was_made_for(
    first_version: Callable[..., FirstVersion], direction: str, alert_type: str
) -> None:
    database = first_version("email_service", "verification", "password_reset", "registered_again")
    ada, trigger_id, alert_id = new_id(), new_id(), new_id()
    with database.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO mails (id, user_id, kind, dedupe_key, status, correlation_id) "
                "VALUES (:id, :id, 'alert', 'alert:1', 'queued', 'c')"
            ),
            {"id": ada},
        )
        connection.execute(
            text(
                "INSERT INTO mail_items (trigger_id, mail_id, alert_id, direction, threshold, "
                "price, currency, unit, karat) VALUES (:trigger_id, :mail_id, :alert_id, "
                ":direction, 4400.50, 105.841382260533, 'EUR', 'gram', 18)"
            ),
            {
                "trigger_id": trigger_id,
                "mail_id": ada,
                "alert_id": alert_id,
                "direction": direction,
            },
        )
    database.upgrade()
    with database.engine.begin() as connection:
        kept = connection.execute(text("SELECT trigger FROM mail_items")).scalar_one()
    assert Trigger.model_validate(kept) == Trigger(
        trigger_id=trigger_id,
        alert_id=alert_id,
        user_id=ada,
        alert_type=alert_type,
        threshold=Decimal("4400.50"),
        price=Decimal("105.841382260533"),
        currency="EUR",
        unit="gram",
        karat=18,
        channels=["email"],
    )


def test_the_alert_mail_tells_more_but_where_somebody_edited_it(
    first_version: Callable[..., FirstVersion],
) -> None:
    database = first_version("email_service", "verification", "password_reset", "registered_again")
    alert = Path(email_service.__file__).parent / "migrations" / "mails" / "alert"
    new = (alert / "body.txt").read_text(encoding="utf-8")
    before, begin, rest = new.partition("{% if alert.upper %}")
    _, end, after = rest.partition("  Difference")
    assert begin
    assert end
    threshold = "  Threshold:  {{ alert.threshold|money(alert.currency) }}\n"
    former = f"{before}{threshold}  Difference{after}"
    with database.engine.begin() as connection:
        connection.execute(
            text("UPDATE email_templates SET text = :text, html = 'edited' WHERE name = 'alert'"),
            {"text": former},
        )
    database.upgrade()
    with database.engine.begin() as connection:
        found = connection.execute(
            text("SELECT text, html FROM email_templates WHERE name = 'alert'")
        ).one()
    assert tuple(found) == (new, "edited")
