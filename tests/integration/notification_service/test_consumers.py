"""What a user is told of, once each, whatever comes in whatever order."""

from collections.abc import Callable
from itertools import permutations
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from goldalert.events.catalogue import AnyEvent
from goldalert.events.emails import EmailFailedData, EmailFailedV1, EmailSentData, EmailSentV1
from goldalert.ids import new_id
from notification_service.bootstrap import services
from notification_service.handlers import (
    api,
    on_alert_triggered,
    on_email_failed,
    on_email_sent,
    on_sessions_revoked,
    on_user_preferences_changed,
    on_user_registered,
)
from tests.support.facts import (
    CORRELATION_ID,
    NOON,
    alert_triggered,
    sessions_revoked,
    tick,
    trigger,
    user_preferences_changed,
    user_registered,
)
from tests.support.lambda_runtime import call, deliver

CONSUMERS = {
    "user_registered": on_user_registered,
    "alert_triggered": on_alert_triggered,
    "email_sent": on_email_sent,
    "email_failed": on_email_failed,
    "sessions_revoked": on_sessions_revoked,
    "user_preferences_changed": on_user_preferences_changed,
}


def tell(event: AnyEvent) -> list[str]:
    return deliver(CONSUMERS[event.event_type], event)


def sent(user_id: UUID) -> EmailSentV1:
    return EmailSentV1(
        occurred_at=NOON,
        producer="email_service",
        correlation_id=CORRELATION_ID,
        data=EmailSentData(
            mail_id=new_id(), user_id=user_id, kind="alert", subject="Gold rose above $4,400.00"
        ),
    )


def failed(user_id: UUID) -> EmailFailedV1:
    return EmailFailedV1(
        occurred_at=NOON,
        producer="email_service",
        correlation_id=CORRELATION_ID,
        data=EmailFailedData(
            mail_id=new_id(), user_id=user_id, kind="alert", reason="address_bounced"
        ),
    )


def told(user_id: UUID) -> list[str]:
    _, page = call(api, "GET", "/notification", user_id=user_id)
    return [item["type"] for item in page["items"]]


def unread(user_id: UUID) -> int:
    _, count = call(api, "GET", "/notification/count", user_id=user_id)
    return int(count["unread"])


@pytest.mark.parametrize("order", [*permutations(range(4))][::5])
def test_in_any_order_and_tripled_each_fact_is_told_once(
    engine: Engine, order: tuple[int, ...]
) -> None:
    """R7."""
    user_id = new_id()
    events = [
        user_registered(user_id),
        alert_triggered(tick(), trigger(user_id)),
        sent(user_id),
        failed(user_id),
    ]
    for index in order * 3:
        assert tell(events[index]) == []
    assert sorted(told(user_id)) == ["alert_triggered", "email_failed", "email_sent", "welcome"]


def test_triggers_that_come_again_in_another_message_add_nothing(engine: Engine) -> None:
    """R7."""
    user_id, of = new_id(), tick()
    again = trigger(user_id)
    tell(alert_triggered(of, again))
    tell(alert_triggered(of, again, trigger(user_id)))
    assert told(user_id) == ["alert_triggered", "alert_triggered"]


def test_a_new_user_has_the_default_preferences(engine: Engine) -> None:
    user_id = new_id()
    tell(user_registered(user_id))
    with engine.begin() as connection:
        [row] = connection.execute(
            text("SELECT user_id, email, in_app, push FROM notification_preferences")
        )
    assert tuple(row) == (user_id, True, True, True)


def test_many_users_are_told_of_one_tick_with_the_facts_of_their_own_alert(
    engine: Engine,
) -> None:
    users = [new_id() for _ in range(100)]
    triggers = {user: trigger(user) for user in users}
    tell(alert_triggered(tick(origin="replay"), *triggers.values()))
    for user in users[::33]:
        _, page = call(api, "GET", "/notification", user_id=user)
        [item] = page["items"]
        assert item["data"]["alert_id"] == str(triggers[user].alert_id)
        assert item["data"]["price"] == "4412.104"
        assert item["message"] == (
            "Gold rose above 4400 USD: now 4412.10 USD per troy ounce (replayed price)."
        )


def test_only_triggers_with_the_channel_and_users_who_want_it_are_told(engine: Engine) -> None:
    by_mail_only, switched_off = new_id(), new_id()
    tell(user_registered(switched_off))
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE notification_preferences SET in_app = false")
    event = alert_triggered(
        tick(), trigger(by_mail_only, channels=["email"]), trigger(switched_off)
    )
    assert tell(event) == []
    assert (told(by_mail_only), told(switched_off)) == ([], ["welcome"])


def test_who_switched_notifications_off_is_told_of_their_security_only(engine: Engine) -> None:
    switched_off, other = new_id(), new_id()
    tell(user_preferences_changed(switched_off, notifications=False))
    for user_id in (switched_off, other):
        for event in (
            user_registered(user_id),
            alert_triggered(tick(), trigger(user_id)),
            sent(user_id),
            failed(user_id),
            sessions_revoked(user_id, "password_changed"),
        ):
            assert tell(event) == []
    assert told(switched_off) == ["security"]
    assert len(told(other)) == 5
    tell(user_preferences_changed(switched_off, version=2))
    tell(alert_triggered(tick(), trigger(switched_off)))
    assert told(switched_off) == ["alert_triggered", "security"]


def test_security_is_told_of_also_where_the_app_is_no_channel(engine: Engine) -> None:
    user_id = new_id()
    tell(user_preferences_changed(user_id))
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE notification_preferences SET in_app = false")
    tell(sessions_revoked(user_id, "refresh_token_reused"))
    assert told(user_id) == ["security"]


@pytest.mark.parametrize("order", [*permutations(["registered", "older", "newer"])])
def test_in_any_order_and_tripled_the_newest_master_switch_stands(
    engine: Engine, order: tuple[str, ...]
) -> None:
    """R7."""
    user_id = new_id()
    events: dict[str, AnyEvent] = {
        "registered": user_registered(user_id),
        "older": user_preferences_changed(user_id, version=2, notifications=True),
        "newer": user_preferences_changed(user_id, version=3, notifications=False),
    }
    for name in order * 3:
        assert tell(events[name]) == []
    with engine.begin() as connection:
        [row] = connection.execute(
            text(
                "SELECT email, in_app, push, notifications, preferences_version "
                "FROM notification_preferences"
            )
        )
    assert tuple(row) == (True, True, True, False, 3)


@pytest.mark.parametrize(
    ("reason", "is_told"),
    [
        ("password_changed", True),
        ("password_reset", True),
        ("two_factor_enabled", True),
        ("refresh_token_reused", True),
        ("disabled", True),
        ("role_changed", True),
        ("logged_out_everywhere", True),
        ("logged_out", False),
        ("revoked_by_user", False),
    ],
)
def test_an_end_of_sessions_that_may_be_a_surprise_is_told_once(
    engine: Engine, reason: str, is_told: bool
) -> None:
    user_id = new_id()
    assert unread(user_id) == 0
    revoked = sessions_revoked(user_id, reason)
    for _ in range(3):
        assert tell(revoked) == []
    _, page = call(api, "GET", "/notification", user_id=user_id)
    assert [(item["type"], item["data"]) for item in page["items"]] == [
        ("security", {"reason": reason})
    ] * is_told
    assert unread(user_id) == is_told


def test_a_kept_unread_count_is_forgotten_when_something_new_is_told(engine: Engine) -> None:
    user_id = new_id()
    assert unread(user_id) == 0
    tell(user_registered(user_id))
    assert unread(user_id) == 1
    tell(alert_triggered(tick(), trigger(user_id), trigger(user_id)))
    assert unread(user_id) == 3


@pytest.mark.parametrize(
    "about",
    [
        user_registered,
        lambda user_id: alert_triggered(tick(), trigger(user_id)),
        sent,
        failed,
        lambda user_id: sessions_revoked(user_id, "password_changed"),
    ],
)
def test_a_count_that_a_killed_worker_left_is_forgotten_when_the_message_comes_again(
    engine: Engine, about: Callable[[UUID], AnyEvent]
) -> None:
    """R7. A process may end between its commit and Redis."""
    user_id = new_id()
    event = about(user_id)
    tell(event)
    services().redis.client.set(f"unread:{user_id}", '{"unread": 0}', ex=60)
    assert tell(event) == []
    assert unread(user_id) == 1


def test_what_is_no_event_comes_back_and_the_others_of_the_batch_are_done(engine: Engine) -> None:
    """R8, R14."""
    user_id = new_id()
    assert deliver(on_user_registered, "poison", user_registered(user_id)) == ["poison"]
    assert told(user_id) == ["welcome"]
