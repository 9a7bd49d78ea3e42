"""The routes of the e-mail service."""

from uuid import UUID

import pytest

from email_service.handlers import api, on_alert_triggered, on_user_email_verified
from goldalert.ids import new_id
from tests.support.facts import alert_triggered, tick, trigger, user_email_verified
from tests.support.lambda_runtime import call, deliver
from tests.support.mailbox import EmailService


@pytest.fixture
def users(email: EmailService) -> list[UUID]:
    """Two users: the first has three mails, the second one."""
    ada, bo = new_id(), new_id()
    deliver(on_user_email_verified, user_email_verified(ada))
    deliver(on_user_email_verified, user_email_verified(bo, email="bo@example.com"))
    for user in (ada, ada, ada, bo):
        deliver(on_alert_triggered, alert_triggered(tick(), trigger(user)))
    email.send(email.queue.waiting[0])
    return [ada, bo]


def test_a_user_sees_their_own_mails_newest_first(email: EmailService, users: list[UUID]) -> None:
    """S8."""
    status, page = call(api, "GET", "/email/logs", user_id=users[0])
    assert status == 200
    assert {item["recipient"] for item in page["items"]} == {"ada@example.com"}
    assert [item["status"] for item in page["items"]] == ["queued", "queued", "sent"]
    assert page["items"][2]["subject"] == "Gold rose above $4,400.00: now $4,412.10"
    assert page["next_cursor"] is None


def test_an_admin_sees_all_mails_and_filters_them(email: EmailService, users: list[UUID]) -> None:
    def count(**query: str) -> int:
        _, page = call(api, "GET", "/email/logs", user_id=new_id(), role="admin", query=query)
        return len(page["items"])

    assert count() == 4
    assert count(status="sent") == 1
    assert count(recipient="bo@example.com") == 1
    assert count(recipient="ada@example.com", status="queued") == 2


def test_pages_follow_each_other_without_a_gap(email: EmailService, users: list[UUID]) -> None:
    _, first = call(api, "GET", "/email/logs", user_id=users[0], query={"limit": "2"})
    _, second = call(
        api,
        "GET",
        "/email/logs",
        user_id=users[0],
        query={"limit": "2", "cursor": first["next_cursor"]},
    )
    _, whole = call(api, "GET", "/email/logs", user_id=users[0])
    assert first["items"] + second["items"] == whole["items"]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    "query",
    [
        {"status": "lost"},
        {"status": "\0"},
        {"recipient": "\0"},
        {"recipient": "r" * 255},
        {"limit": "0"},
        {"limit": "101"},
        {"cursor": "!"},
        {"cursor": "\0"},
    ],
)
def test_wrong_filters_are_refused(email: EmailService, query: dict[str, str]) -> None:
    """S19."""
    status, problem = call(api, "GET", "/email/logs", user_id=new_id(), query=query)
    assert (status, problem["status"]) == (422, 422)


def test_without_a_caller_there_are_no_logs(email: EmailService) -> None:
    status, _ = call(api, "GET", "/email/logs")
    assert status == 401


def test_the_service_is_healthy(email: EmailService) -> None:
    status, health = call(api, "GET", "/email/health")
    assert (status, health["status"]) == (200, "ok")
    assert health["checks"] == {"database": "ok", "redis": "ok"}
