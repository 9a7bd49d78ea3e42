"""A deleted account leaves nothing here, in whatever order the news come (S18)."""

import pytest
from sqlalchemy import text

from goldalert.events.catalogue import AnyEvent, parse_event
from goldalert.ids import new_id
from tests.support.examples import example
from tests.support.invocations import Client, deliver
from user_service.bootstrap import Services
from user_service.handlers import on_user_deleted, on_user_registered, scheduled_relay_outbox

PATHS = ["/user/profile", "/user/preferences", "/user/settings"]


def deleted(user_id: object) -> AnyEvent:
    event = example("user_deleted/v1/deleted")
    return event.model_copy(
        update={"data": event.data.model_copy(update={"user_id": user_id}), "event_id": new_id()}
    )


def rows(services: Services) -> int:
    with services.engine.connect() as connection:
        return sum(
            connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0
            for table in ("profiles", "preferences", "account_settings")
        )


def published(services: Services) -> list[AnyEvent]:
    with services.engine.connect() as connection:
        messages = connection.execute(text("SELECT message FROM outbox ORDER BY id")).scalars()
        return [parse_event(message) for message in messages]


def copies(services: Services) -> list[str]:
    return [key for key in services.redis.client.keys() if not key.startswith("limit:")]


def test_an_erased_user_leaves_no_row_and_no_copy(ada: Client, services: Services) -> None:
    """S18."""
    ada.patch("/user/profile", {"bio": "I count."})
    for path in PATHS:
        ada.get(path)
    assert copies(services)
    assert deliver(on_user_deleted.lambda_handler, deleted(ada.user_id)) == []
    assert (rows(services), copies(services)) == (0, [])
    # news of a change that wait are consumed into nothing: who takes them has a tombstone
    change, event = published(services)
    assert change.event_type == "user_preferences_changed"
    assert (event.event_type, event.data.user_id) == ("user_erased", ada.user_id)
    assert (event.producer, event.correlation_id) == ("user_service", "req-5f1c9d2e")
    for path in PATHS:
        assert ada.get(path).status == ada.patch(path, {}).status == 404
    assert ada.get("/user/export").body["user"] == dict.fromkeys(
        ["profile", "preferences", "settings"]
    )


def test_news_of_a_deletion_that_comes_again_says_nothing_new(
    ada: Client, services: Services
) -> None:
    """R7."""
    event = deleted(ada.user_id)
    deliver(on_user_deleted.lambda_handler, event, event)
    deliver(on_user_deleted.lambda_handler, event)
    assert len(published(services)) == 1


def test_a_registration_that_comes_after_the_deletion_creates_nothing(services: Services) -> None:
    """R7, S18."""
    registered = example("user_registered/v1/with_name")
    deliver(on_user_deleted.lambda_handler, deleted(registered.data.user_id))
    assert deliver(on_user_registered.lambda_handler, registered) == []
    assert rows(services) == 0
    assert [event.event_type for event in published(services)] == ["user_erased"]


def test_others_keep_what_they_have(ada: Client, services: Services) -> None:
    other = example("user_registered/v1/without_name")
    deliver(on_user_registered.lambda_handler, other)
    ada.patch("/user/profile", {"bio": "I count."})
    deliver(on_user_deleted.lambda_handler, deleted(other.data.user_id))
    assert ada.get("/user/profile").body["bio"] == "I count."
    assert rows(services) == 3


def test_a_copy_that_a_killed_process_left_goes_when_the_news_come_again(
    ada: Client, services: Services
) -> None:
    """S18. A process may end between its commit and Redis."""
    event = deleted(ada.user_id)
    ada.get("/user/profile")
    with pytest.MonkeyPatch.context() as killed:
        killed.setattr("goldalert.messaging.consumer._give_back", lambda *_: None)
        killed.setattr(on_user_deleted, "forget_user", lambda *_: 1 / 0)
        assert deliver(on_user_deleted.lambda_handler, event) == ["message-0"]
    assert (rows(services), len(copies(services))) == (0, 1)
    assert deliver(on_user_deleted.lambda_handler, event) == []
    assert copies(services) == []


def test_the_schedule_publishes_what_was_left_and_forgets_what_is_old(
    ada: Client, services: Services
) -> None:
    with services.engine.begin() as connection:
        connection.execute(text("UPDATE inbox SET received_at = now() - interval '40 days'"))
    answer = scheduled_relay_outbox.lambda_handler({"id": "schedule-of-a-test"}, None)  # type: ignore[arg-type]
    assert answer == {"published": 0, "removed": 1}
