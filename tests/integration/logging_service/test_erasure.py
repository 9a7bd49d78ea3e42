"""What the log holds about a user: shown to them, and erased with their account (S18)."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from goldalert.events.catalogue import AnyEvent, parse_event
from goldalert.events.users import UserErasedV1
from goldalert.export import EXPORT_ROWS
from goldalert.ids import new_id
from logging_service.bootstrap import Services
from logging_service.handlers import (
    internal,
    on_alert_triggered,
    on_email_failed,
    on_email_sent,
    on_price_updated,
    on_user_deleted,
    scheduled_relay_outbox,
)
from tests.support.examples import example
from tests.support.facts import alert_triggered, tick, trigger, user_deleted
from tests.support.invocations import Context, deliver

ADA, BEN = UUID(int=1), UUID(int=2)


def mail(name: str, user_id: UUID) -> AnyEvent:
    event = example(name)
    return event.model_copy(update={"data": event.data.model_copy(update={"user_id": user_id})})


def record_everything() -> None:
    """Record an event of each kind, about Ada, and about Ben, and about both at once."""
    assert deliver(on_price_updated.lambda_handler, example("price_updated/v1/fresh")) == []
    triggers = [trigger(ADA), trigger(BEN), trigger(ADA)]
    assert deliver(on_alert_triggered.lambda_handler, alert_triggered(tick(), *triggers)) == []
    for user_id in (ADA, BEN):
        sent = mail("email_sent/v1/alert", user_id)
        failed = mail("email_failed/v1/address_suppressed", user_id)
        assert deliver(on_email_sent.lambda_handler, sent) == []
        assert deliver(on_email_failed.lambda_handler, failed) == []


def whose(services: Services) -> list[tuple[str, UUID | None]]:
    with services.engine.begin() as connection:
        rows = connection.execute(
            text("SELECT event_type, user_id FROM application_logs ORDER BY event_type, user_id")
        )
        return [(row.event_type, row.user_id) for row in rows]


def published(services: Services) -> list[AnyEvent]:
    with services.engine.begin() as connection:
        messages = connection.execute(text("SELECT message FROM outbox ORDER BY id")).scalars()
        return [parse_event(message) for message in messages]


OF_BEN = [
    ("alert_triggered", BEN),
    ("email_failed", BEN),
    ("email_sent", BEN),
    ("price_updated", None),
]


def test_what_is_about_the_user_is_erased_and_nothing_else(services: Services) -> None:
    record_everything()
    event = user_deleted(ADA)
    assert deliver(on_user_deleted.lambda_handler, event, event) == []
    assert deliver(on_user_deleted.lambda_handler, event) == []
    assert whose(services) == OF_BEN
    [answer] = published(services)
    assert isinstance(answer, UserErasedV1)
    assert (answer.producer, answer.data.user_id) == ("logging_service", ADA)
    assert answer.correlation_id == event.correlation_id


def test_what_comes_after_the_erasure_is_not_recorded(services: Services) -> None:
    """Of a message about several users only the erased one's part is left out."""
    assert deliver(on_user_deleted.lambda_handler, user_deleted(ADA)) == []
    record_everything()
    assert whose(services) == OF_BEN


def export(user_id: UUID) -> Any:
    return internal.lambda_handler(
        {
            "action": "export_user",
            "correlation_id": "request",
            "arguments": {"user_id": str(user_id)},
        },
        Context(),
    )


def test_the_export_holds_what_is_about_the_user(services: Services) -> None:
    record_everything()
    part = export(ADA)
    assert [entry["message"] for entry in part["logs"]] == [
        "email failed: alert, address_suppressed",
        "email sent: alert",
        "alerts triggered: 2 at tick 7",
    ]
    assert part["logs"][1]["timestamp"].endswith("Z")
    assert part["truncated"] is False
    assert export(new_id()) == {"logs": [], "truncated": False}


def test_a_long_export_is_cut_and_says_so(services: Services) -> None:
    record_everything()
    with services.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO application_logs SELECT gen_random_uuid(), service, level, message, "
                "event_type, correlation_id, timestamp, data, user_id FROM application_logs, "
                "generate_series(1, :rows) WHERE user_id = :user_id AND event_type = 'email_sent'"
            ),
            {"rows": EXPORT_ROWS, "user_id": ADA},
        )
    part = export(ADA)
    assert part["truncated"] is True
    assert 0 < len(part["logs"]) < EXPORT_ROWS


def test_the_schedule_forgets_old_inbox_rows(services: Services) -> None:
    record_everything()
    with services.engine.begin() as connection:
        connection.execute(text("UPDATE inbox SET received_at = now() - interval '29 days'"))
    event = {"id": "7bf73129-1428-4cd3-a780-95db273d1602"}
    answer = scheduled_relay_outbox.lambda_handler(event, Context())
    assert answer == {"published": 0, "removed": 6}


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT id FROM application_logs WHERE user_id = '{}' ORDER BY id DESC",
        "DELETE FROM application_logs WHERE user_id = '{}'",
    ],
)
def test_a_users_entries_are_found_by_their_index(services: Services, statement: str) -> None:
    with services.engine.begin() as connection:
        # on a table this small the planner would rather read it all
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = connection.execute(text(f"EXPLAIN {statement.format(ADA)}")).scalars()
        assert "application_logs_user_id" in " ".join(plan)
