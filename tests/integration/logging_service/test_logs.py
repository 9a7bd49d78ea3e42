"""The log from its handlers down to PostgreSQL."""

from typing import Any

import pytest
from sqlalchemy import text

from goldalert.ids import new_id
from logging_service.bootstrap import Services
from logging_service.handlers import (
    api,
    on_alert_triggered,
    on_email_failed,
    on_email_sent,
    on_price_updated,
)
from tests.support.examples import example
from tests.support.invocations import Client, Handler, deliver

CONSUMERS: list[tuple[Handler, str]] = [
    (on_price_updated.lambda_handler, "price_updated/v1/fresh"),
    (on_price_updated.lambda_handler, "price_updated/v1/held"),
    (on_alert_triggered.lambda_handler, "alert_triggered/v1/one_trigger"),
    (on_email_sent.lambda_handler, "email_sent/v1/alert"),
    (on_email_failed.lambda_handler, "email_failed/v1/address_suppressed"),
]


@pytest.fixture
def admin(services: Services) -> Client:
    return Client(api.lambda_handler, new_id(), "admin")


@pytest.fixture
def recorded(services: Services) -> None:
    for handler, name in CONSUMERS:
        assert deliver(handler, example(name)) == []


def found(admin: Client, **query: str) -> list[dict[str, Any]]:
    answer = admin.get("/logging/logs", **query)
    assert answer.status == 200, answer.body
    return answer.body["items"]


@pytest.mark.parametrize(("handler", "name"), CONSUMERS)
def test_an_event_that_comes_three_times_is_one_entry(
    admin: Client, handler: Handler, name: str
) -> None:
    """R7."""
    event = example(name)
    deliver(handler, event, event)
    deliver(handler, event)
    (entry,) = found(admin)
    assert (entry["service"], entry["event_type"]) == (event.producer, event.event_type)
    assert entry["correlation_id"] == event.correlation_id
    assert entry["timestamp"] == event.model_dump(mode="json")["occurred_at"]


@pytest.mark.parametrize(
    ("query", "event_types"),
    [
        ({}, ["email_failed", "email_sent", "alert_triggered", "price_updated", "price_updated"]),
        ({"service": "email_service"}, ["email_failed", "email_sent"]),
        ({"level": "warning"}, ["email_failed", "price_updated"]),
        ({"service": "price_service", "level": "warning"}, ["price_updated"]),
        ({"level": "fatal"}, []),
        ({"correlation_id": "tick-2026-08-18T16:10"}, ["price_updated"]),
        ({"q": "triggered"}, ["alert_triggered"]),
        ({"q": "email -sent"}, ["email_failed"]),
        ({"q": "triggered or suppressed"}, ["email_failed", "alert_triggered"]),
        ({"q": "'; DROP TABLE application_logs; --"}, []),
        (
            {"from": "2026-08-18T16:05:03Z", "to": "2026-08-18T16:05:05Z"},
            ["alert_triggered"],
        ),
        ({"from": "2026-08-18T18:10:00+02:00"}, ["price_updated"]),
        ({"to": "2026-08-18T16:05:03Z"}, ["price_updated"]),
    ],
)
def test_the_log_is_searched(
    recorded: None, admin: Client, query: dict[str, str], event_types: list[str]
) -> None:
    assert [entry["event_type"] for entry in found(admin, **query)] == event_types


@pytest.mark.parametrize(
    "query",
    [
        {"level": "loud"},
        {"from": "yesterday"},
        {"from": "2026-08-18T16:05:03"},
        {"limit": "0"},
        {"limit": "101"},
        {"cursor": "nonsense"},
        {"q": "q" * 201},
        {"q": "a\0b"},
        {"service": "\0"},
        {"correlation_id": "\0"},
        {"cursor": "\0"},
    ],
)
def test_a_wrong_search_is_refused(admin: Client, query: dict[str, str]) -> None:
    """S19."""
    answer = admin.get("/logging/logs", **query)
    assert (answer.status, answer.headers["Content-Type"]) == (422, "application/problem+json")


def test_the_log_is_paged_newest_first(recorded: None, admin: Client) -> None:
    whole = [entry["id"] for entry in found(admin)]
    first = admin.get("/logging/logs", limit="2").body
    second = admin.get("/logging/logs", limit="2", cursor=first["next_cursor"]).body
    third = admin.get("/logging/logs", limit="2", cursor=second["next_cursor"]).body
    pages = [*first["items"], *second["items"], *third["items"]]
    assert [entry["id"] for entry in pages] == whole
    assert third["next_cursor"] is None


def test_only_admins_read_the_log(services: Services) -> None:
    """S8."""
    assert Client(api.lambda_handler, new_id(), "user").get("/logging/logs").status == 403
    assert Client(api.lambda_handler).get("/logging/logs").status == 401


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ("service = 'price_service'", "application_logs_service"),
        ("level = 'fatal'", "application_logs_level"),
        ("correlation_id = 'tick-7'", "application_logs_correlation_id"),
        ("timestamp >= '2026-08-18T16:05:00Z'", "application_logs_timestamp"),
        (
            "to_tsvector('simple', message) @@ websearch_to_tsquery('simple', 'word7')",
            "application_logs_message",
        ),
    ],
)
def test_each_filter_has_its_index(services: Services, condition: str, index: str) -> None:
    with services.engine.begin() as connection:
        # on a table this small the planner would rather read it all
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        connection.execute(text("SET LOCAL enable_sort = off"))
        plan = connection.execute(
            text(f"EXPLAIN SELECT id FROM application_logs WHERE {condition}")
        ).scalars()
        assert index in " ".join(plan)


def test_health_names_its_parts(services: Services) -> None:
    health = Client(api.lambda_handler).get("/logging/health")
    assert (health.status, health.body) == (
        200,
        {"service": "logging", "status": "ok", "checks": {"database": "ok"}},
    )
