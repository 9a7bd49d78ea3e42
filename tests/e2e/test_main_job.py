"""The two flows that the product is for, seen in every service that takes part."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from goldalert_local.client import StackClient, User, wait_for


def logs(admin: User, correlation_id: str, event_type: str) -> list[dict[str, Any]]:
    found = admin.http.get(f"/logging/logs?correlation_id={correlation_id}")
    return [row for row in found.body["items"] if row["event_type"] == event_type]


def test_a_registration_reaches_every_subscriber(stack: StackClient, admin: User) -> None:
    address, correlation_id = f"{uuid4().hex}@example.com", f"e2e-{uuid4()}"
    stack.register(address, correlation_id=correlation_id)

    welcome = stack.wait_for_mail(address, "verify")
    assert welcome.recipients == [address]
    page = stack.http.get(
        "/auth/verify-email?token=" + welcome.text.split("verify-email?token=")[1].split()[0]
    )
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")

    user = stack.login(address)
    assert user.http.get("/auth/me").body["email_verified"] is False
    stack.verify(address)
    assert user.http.get("/auth/me").body["email_verified"] is True

    profile = wait_for(lambda: _ok(user.http.get("/user/profile")), "the profile")
    assert profile["name"] == "Ada"
    preferences = user.http.get("/user/preferences").body
    assert (preferences["currency"], preferences["unit"]) == ("USD", "troy_ounce")

    wait_for(
        lambda: (
            {"welcome", "email_sent"}
            <= {n["type"] for n in user.http.get("/notification").body["items"]}
        ),
        "the welcome notification and the one about the mail",
    )
    wait_for(lambda: logs(admin, correlation_id, "email_sent"), "the log entry of the mail")
    assert len(stack.mails(address)) == 1


def test_a_price_that_crosses_a_threshold_reaches_its_owner_once(
    stack: StackClient, admin: User, user: User
) -> None:
    with stack.price_feed() as move:
        move(Decimal("4000"))
        created = user.http.put(
            "/alert",
            {
                "alert_type": "above",
                "threshold": "4100.50",
                "currency": "USD",
                "note": "sell the ring",
            },
        )
        assert created.status == 201, created
        alert_id = created.body["id"]
        move(Decimal("4100.49"))
        move(Decimal("4123.45"))

    mail = stack.wait_for_mail(user.email, "4,123.45")
    assert mail.recipients == [user.email]
    assert "4,100.50" in mail.text
    assert "sell the ring" in mail.text
    assert "replay" in mail.text

    [trigger] = user.http.get(f"/alert/{alert_id}/history").body["items"]
    assert Decimal(trigger["price"]) == Decimal("4123.45")
    assert user.http.get(f"/alert/{alert_id}").body["state"] == "triggered"

    tick_id = trigger["tick"]["tick_id"]
    tick = stack.http.get(f"/price/ticks/{tick_id}").body
    assert Decimal(tick["price"]) == Decimal("4123.45")

    with stack.database("alert_db").connect() as connection:
        correlation_id = connection.execute(
            text("SELECT correlation_id FROM ticks WHERE tick_id = :id"), {"id": tick_id}
        ).scalar_one()

    triggered = wait_for(
        lambda: [
            n
            for n in user.http.get("/notification").body["items"]
            if n["type"] == "alert_triggered"
        ],
        "the in-app notification",
    )
    assert len(triggered) == 1
    for event_type in ("price_updated", "alert_triggered", "email_sent"):
        wait_for(
            lambda kind=event_type: logs(admin, correlation_id, kind), f"the log of {event_type}"
        )
    audit = wait_for(
        lambda: [
            entry
            for entry in admin.http.get(f"/admin/audit-logs?correlation_id={correlation_id}").body[
                "items"
            ]
            if entry["target"] == f"alert:{alert_id}"
        ],
        "the audit entry",
    )
    assert [entry["action"] for entry in audit] == ["alert_triggered"]
    assert admin.http.get("/admin/audit-logs/verify").body["intact"] is True
    assert [m.subject for m in stack.mails(user.email) if "4,123.45" in m.subject] == [mail.subject]


def test_an_unverified_user_gets_the_mail_once_verified(stack: StackClient) -> None:
    user = stack.new_user(verified=False)
    with stack.price_feed() as move:
        move(Decimal("3000"))
        user.http.put("/alert", {"alert_type": "below", "threshold": "2900", "currency": "USD"})
        move(Decimal("2899.99"))
    wait_for(
        lambda: any(
            n["type"] == "alert_triggered" for n in user.http.get("/notification").body["items"]
        ),
        "the in-app notification",
    )
    assert not [m for m in stack.mails(user.email) if "2,899.99" in m.subject]
    stack.verify(user.email)
    stack.wait_for_mail(user.email, "2,899.99")


def _ok(answer: Any) -> Any:
    return answer.body if answer.status == 200 else None
