"""A user who is gone: nothing about them is left, and nothing comes back."""

import json
from itertools import permutations
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from goldalert.events.catalogue import AnyEvent
from goldalert.events.emails import EmailFailedV1, EmailSentV1
from goldalert.ids import new_id
from notification_service.bootstrap import services
from notification_service.handlers import (
    api,
    internal,
    on_alert_triggered,
    on_email_failed,
    on_email_sent,
    on_sessions_revoked,
    on_user_deleted,
    on_user_preferences_changed,
    on_user_registered,
    scheduled_relay_outbox,
)
from tests.support.examples import example
from tests.support.facts import (
    CORRELATION_ID,
    alert_triggered,
    sessions_revoked,
    tick,
    trigger,
    user_deleted,
    user_preferences_changed,
    user_registered,
)
from tests.support.lambda_runtime import Context, Topics, call, deliver

CONSUMERS = {
    "user_registered": on_user_registered,
    "alert_triggered": on_alert_triggered,
    "email_sent": on_email_sent,
    "email_failed": on_email_failed,
    "sessions_revoked": on_sessions_revoked,
    "user_preferences_changed": on_user_preferences_changed,
    "user_deleted": on_user_deleted,
}


def tell(event: AnyEvent) -> list[str]:
    return deliver(CONSUMERS[event.event_type], event)


def mailed(user_id: UUID) -> list[EmailSentV1 | EmailFailedV1]:
    """One mail sent to a user, and one that failed."""
    return [
        event.model_copy(update={"data": event.data.model_copy(update={"user_id": user_id})})
        for event in (example("email_sent/v1/alert"), example("email_failed/v1/address_suppressed"))
    ]


def everything(user_id: UUID) -> list[AnyEvent]:
    return [
        user_registered(user_id),
        user_preferences_changed(user_id),
        alert_triggered(tick(), trigger(user_id, note="Ada's ring")),
        sessions_revoked(user_id, "password_changed"),
        *mailed(user_id),
    ]


def traces(engine: Engine) -> str:
    """Everything that database and Redis hold, tombstones, inbox and throttling aside."""
    with engine.begin() as connection:
        tables = connection.execute(
            text(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' "
                "AND table_name NOT IN ('erased_users', 'inbox')"
            )
        ).scalars()
        rows = [connection.execute(text(f"SELECT * FROM {table}")).all() for table in [*tables]]
    return repr((rows, [*services().redis.client.scan_iter("unread:*")]))


@pytest.fixture
def ada(engine: Engine) -> UUID:
    """A user of whom everything is known, also how much they did not read."""
    user_id = new_id()
    for event in everything(user_id):
        assert tell(event) == []
    call(api, "GET", "/notification/count", user_id=user_id)
    return user_id


def test_nothing_of_an_erased_user_is_left_and_the_world_is_told_once(
    engine: Engine, ada: UUID, topics: Topics
) -> None:
    """S18."""
    other = new_id()
    tell(user_registered(other))
    assert str(ada) in traces(engine)
    assert services().redis.client.exists(f"unread:{ada}")
    deleted = user_deleted(ada)
    for _ in range(3):
        assert tell(deleted) == []
    left = traces(engine)
    assert str(ada) not in left
    assert "Ada's ring" not in left
    assert str(other) in left
    assert [(e.event_type, e.data.user_id, e.producer) for e in topics.events] == [
        ("user_erased", ada, "notification_service")
    ]
    assert topics.events[0].correlation_id == CORRELATION_ID


def test_a_count_that_a_killed_worker_left_is_forgotten_when_the_message_comes_again(
    engine: Engine, ada: UUID
) -> None:
    """S18."""
    deleted = user_deleted(ada)
    tell(deleted)
    services().redis.client.set(f"unread:{ada}", '{"unread": 5}', ex=60)
    assert tell(deleted) == []
    assert not services().redis.client.exists(f"unread:{ada}")


@pytest.mark.parametrize("order", [*permutations(range(7))][::500])
def test_in_any_order_and_tripled_nothing_comes_back(
    engine: Engine, topics: Topics, order: tuple[int, ...]
) -> None:
    """R7, S18."""
    user_id = new_id()
    events = [*everything(user_id), user_deleted(user_id)]
    for index in order * 3:
        assert tell(events[index]) == []
    assert str(user_id) not in traces(engine)
    assert [e.event_type for e in topics.events] == ["user_erased"]


def test_an_erased_user_among_others_is_the_only_one_who_is_not_told(
    engine: Engine, ada: UUID
) -> None:
    other = new_id()
    tell(user_deleted(ada))
    assert tell(alert_triggered(tick(), trigger(ada), trigger(other))) == []
    assert str(ada) not in traces(engine)
    _, page = call(api, "GET", "/notification", user_id=other)
    assert len(page["items"]) == 1


def test_an_event_that_its_own_handler_did_not_publish_is_published_by_the_schedule(
    engine: Engine, ada: UUID, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R5."""
    with monkeypatch.context() as context:
        context.setattr(services().unit_of_work, "_relay", None)
        tell(user_deleted(ada))
    assert topics.events == []
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE outbox SET created_at = now() - interval '1 minute'")
        connection.exec_driver_sql("UPDATE inbox SET received_at = now() - interval '29 days'")
    answer = scheduled_relay_outbox.lambda_handler({"id": "schedule-1"}, Context())
    assert answer == {"published": 1, "removed": len(everything(ada)) + 1}
    assert [e.event_type for e in topics.events] == ["user_erased"]


def exported(user_id: UUID) -> dict[str, object]:
    asked = {
        "action": "export_user",
        "correlation_id": CORRELATION_ID,
        "arguments": {"user_id": str(user_id)},
    }
    answer = internal.lambda_handler(asked, Context())
    assert isinstance(answer, dict)
    exported: dict[str, object] = json.loads(json.dumps(answer))
    return exported


def test_an_export_has_a_users_own_notifications_and_preferences(engine: Engine, ada: UUID) -> None:
    """S18."""
    other = new_id()
    tell(alert_triggered(tick(), trigger(other, note="Bo's chain")))
    export = exported(ada)
    assert export["preferences"] == {
        "email": True,
        "in_app": True,
        "push": True,
        "notifications": True,
    }
    notifications = export["notifications"]
    assert isinstance(notifications, list)
    assert [item["type"] for item in notifications] == [
        "email_failed",
        "email_sent",
        "security",
        "alert_triggered",
        "welcome",
    ]
    assert notifications[3]["data"]["note"] == "Ada's ring"
    assert export["truncated"] is False
    assert "Bo's chain" not in json.dumps(export)


def test_an_export_says_when_older_notifications_are_left_out(
    engine: Engine, ada: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("goldalert.export.EXPORT_ROWS", 2)
    export = exported(ada)
    assert export["truncated"] is True
    notifications = export["notifications"]
    assert isinstance(notifications, list)
    assert [item["type"] for item in notifications] == ["email_failed", "email_sent"]


def test_an_export_of_somebody_unknown_is_empty(engine: Engine) -> None:
    assert exported(new_id()) == {"preferences": None, "notifications": [], "truncated": False}
