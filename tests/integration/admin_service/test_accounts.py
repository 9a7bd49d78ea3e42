"""What the audit log says about accounts, and what their owners get of it."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from admin_service.bootstrap import Services
from admin_service.handlers import (
    api,
    internal,
    on_alert_triggered,
    on_user_deleted,
    on_user_erased,
    on_user_role_changed,
    scheduled_remove_old_rows,
)
from goldalert.events.users import UserErasedData, UserErasedV1
from goldalert.ids import new_id
from tests.support.examples import example
from tests.support.facts import NOON, alert_triggered, tick, trigger, user_deleted
from tests.support.invocations import Client, Context, deliver

ADA, BEN = UUID(int=1), UUID(int=2)
ERASERS = [
    "user_service",
    "alert_service",
    "email_service",
    "notification_service",
    "logging_service",
]


@pytest.fixture
def admin(services: Services) -> Client:
    return Client(api.lambda_handler, new_id(), "admin")


def found(admin: Client, **query: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = admin.get("/admin/audit-logs", **query).body["items"]
    return items


def erased(user_id: UUID, service: str) -> UserErasedV1:
    return UserErasedV1(
        occurred_at=NOON,
        producer=service,
        correlation_id="request",
        data=UserErasedData(user_id=user_id),
    )


@pytest.mark.parametrize("name", ["by_an_admin", "by_the_operator"])
def test_a_change_of_role_says_who_did_it(admin: Client, name: str) -> None:
    event = example(f"user_role_changed/v1/{name}")
    assert deliver(on_user_role_changed.lambda_handler, event, event) == []
    [entry] = found(admin)
    changed = event.data
    assert (entry["action"], entry["target"]) == ("user_role_changed", f"user:{changed.user_id}")
    assert entry["admin_id"] == (changed.changed_by and str(changed.changed_by))
    assert entry["data"] == {"role": changed.role, "disabled": str(changed.disabled).lower()}
    assert entry["correlation_id"] == event.correlation_id


def test_an_operator_sees_that_an_erasure_is_complete(admin: Client) -> None:
    """S18."""
    answers = [erased(ADA, service) for service in ERASERS]
    # in any order, and more than once
    assert deliver(on_user_erased.lambda_handler, *answers[:2], answers[0]) == []
    assert deliver(on_user_deleted.lambda_handler, user_deleted(ADA), user_deleted(BEN)) == []
    assert deliver(on_user_erased.lambda_handler, *answers) == []
    entries = found(admin, target=f"user:{ADA}")
    assert sorted((entry["action"], entry["data"].get("service")) for entry in entries) == [
        ("user_deleted", None),
        *sorted(("user_erased", service) for service in ERASERS),
    ]
    assert {entry["admin_id"] for entry in entries} == {None}
    assert len(found(admin, target=f"user:{ADA}", action="user_erased")) == len(ERASERS)
    assert found(admin, target=f"user:{new_id()}") == []
    assert admin.get("/admin/audit-logs/verify").body["intact"] is True


def test_a_null_character_in_the_target_is_a_wrong_field(admin: Client) -> None:
    """S19."""
    assert admin.get("/admin/audit-logs", target="a\0b").status == 422


def export(user_id: UUID) -> Any:
    return internal.lambda_handler(
        {
            "action": "export_user",
            "correlation_id": "request",
            "arguments": {"user_id": str(user_id)},
        },
        Context(),
    )


def test_the_export_holds_the_entries_that_name_the_user(services: Services) -> None:
    """S18: what they did, what was done to them, and their alerts; not which admin acted."""
    event = example("user_role_changed/v1/by_an_admin")
    by_ada, of_ada = (
        event.model_copy(
            update={"event_id": new_id(), "data": event.data.model_copy(update=update)}
        )
        for update in ({"user_id": BEN, "changed_by": ADA}, {"user_id": ADA, "changed_by": BEN})
    )
    of_both = alert_triggered(tick(), trigger(ADA), trigger(BEN))
    assert deliver(on_user_role_changed.lambda_handler, by_ada, of_ada) == []
    assert deliver(on_alert_triggered.lambda_handler, of_both) == []
    part = export(ADA)
    assert [(entry["action"], entry["target"]) for entry in part["audit_logs"]] == [
        ("alert_triggered", f"alert:{of_both.data.triggers[0].alert_id}"),
        ("user_role_changed", f"user:{ADA}"),
        ("user_role_changed", f"user:{BEN}"),
    ]
    assert part["audit_logs"][0].keys() == {"id", "action", "target", "timestamp", "data"}
    assert part["audit_logs"][1]["data"] == {
        "role": event.data.role,
        "disabled": str(event.data.disabled).lower(),
    }
    assert export(new_id()) == {"audit_logs": [], "truncated": False}


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        (f"target = 'user:{ADA}'", "audit_logs_target"),
        (f"admin_id = '{ADA}'", "audit_logs_admin_id"),
        (f"data ->> 'user_id' = '{ADA}'", "audit_logs_owner"),
    ],
)
def test_a_users_entries_are_found_by_an_index(
    services: Services, condition: str, index: str
) -> None:
    with services.engine.begin() as connection:
        # on a table this small the planner would rather read it all
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = connection.execute(
            text(f"EXPLAIN SELECT id FROM audit_logs WHERE {condition} ORDER BY id DESC")
        ).scalars()
        assert index in " ".join(plan)


def test_the_schedule_forgets_old_inbox_rows(services: Services) -> None:
    old, new = user_deleted(ADA), user_deleted(BEN)
    deliver(on_user_deleted.lambda_handler, old)
    with services.engine.begin() as connection:
        connection.execute(text("UPDATE inbox SET received_at = now() - interval '29 days'"))
    deliver(on_user_deleted.lambda_handler, new)
    answer = scheduled_remove_old_rows.lambda_handler({"id": "schedule-of-a-test"}, Context())
    assert answer == {"removed": 1}
    with services.engine.begin() as connection:
        assert connection.execute(text("SELECT event_id FROM inbox")).scalars().all() == [
            new.event_id
        ]
