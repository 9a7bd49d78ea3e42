"""The main job, step by step, for people to watch: from a registration to the mail of an alert."""

import os
import sys
import time
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

from goldalert_local.client import StackClient, User, wait_for

THRESHOLD = Decimal("2500.00")
MOST_MONTHS = 24


def say(text: str = "") -> None:
    print(text, flush=True)


def step(number: int, text: str) -> None:
    say(f"\n\033[1m{number}. {text}\033[0m" if sys.stdout.isatty() else f"\n{number}. {text}")


def play(stack: StackClient) -> None:
    address = f"ada-{uuid4().hex[:8]}@example.com"

    step(1, f"POST /auth/register as {address}")
    stack.register(address, correlation_id=f"demo-{uuid4()}")
    welcome = stack.wait_for_mail(address, "verify")
    say(f"   user_registered → e-mail service: “{welcome.subject}”")
    user = stack.login(address)
    profile = wait_for(lambda: found(user, "/user/profile"), "the profile")
    preferences = user.http.get("/user/preferences").body
    say(f"   user_registered → user service: profile of {profile['name']}, prices in")
    say(f"   {preferences['currency']} per {preferences['unit']}")
    greeting = wait_for(lambda: notification(user, "welcome"), "the welcome notification")
    say(f"   user_registered → notification service: “{greeting}”")

    step(2, "POST /auth/verify-email with the token of the link in the mail")
    stack.verify(address)
    say(f"   verified: {user.http.get('/auth/me').body['email_verified']}")

    step(3, f"PUT /alert: tell me when gold is above {THRESHOLD} USD per troy ounce")
    alert = user.http.put(
        "/alert", {"alert_type": "above", "threshold": str(THRESHOLD), "currency": "USD"}
    ).body
    say(f"   alert {alert['id']}, {alert['state']}")

    step(4, "The price schedule fires; each tick replays a month of the real series")
    ticked_at = replay_until_triggered(stack, user, alert["id"])
    mail = stack.wait_for_mail(address, "2,5")
    seconds = time.monotonic() - ticked_at

    step(5, "alert_triggered reached everyone")
    [trigger] = user.http.get(f"/alert/{alert['id']}/history").body["items"]
    say(f"   alert service: triggered at {trigger['price']} by tick {trigger['tick']['tick_id']}")
    say(f"   e-mail service: mail accepted by SES {seconds:.2f} s after the tick")
    told = wait_for(lambda: notification(user, "alert_triggered"), "the notification")
    say(f"   notification service: “{told}”")
    say(f"   logging service: {wait_for(lambda: log_entry(stack), 'the log entry')}")
    say(f"   admin service: {wait_for(lambda: audit_entry(stack, alert['id']), 'the audit entry')}")

    step(6, "The mail")
    for name in ("From", "To", "Subject"):
        say(f"   {name}: {mail.headers[name]}")
    say()
    say("\n".join(f"   {line}" for line in mail.text.splitlines()))
    say(f"\nFrom tick to mail: {seconds:.2f} s")


def replay_until_triggered(stack: StackClient, user: User, alert_id: str) -> float:
    """Fire the schedule, a month at a time; return when the tick that triggered began."""
    for _ in range(MOST_MONTHS):
        began = time.monotonic()
        stack.tick()
        current = stack.http.get("/price/current").body
        say(f"   {current['as_of'][:7]}  {current['price']} USD  ({', '.join(current['sources'])})")
        if Decimal(current["price"]) > THRESHOLD:
            wait_for(
                lambda: user.http.get(f"/alert/{alert_id}").body["state"] == "triggered",
                "the alert to trigger",
            )
            return began
    raise SystemExit(f"the price never rose above {THRESHOLD}")


def found(user: User, path: str) -> dict[str, str] | None:
    answer = user.http.get(path)
    return answer.body if answer.status == 200 else None


def notification(user: User, kind: str) -> str | None:
    items = user.http.get("/notification").body["items"]
    return next((item["message"] for item in items if item["type"] == kind), None)


def log_entry(stack: StackClient) -> str | None:
    items = stack.admin.http.get("/logging/logs?q=triggered").body["items"]
    return next((i["message"] for i in items if i["event_type"] == "alert_triggered"), None)


def audit_entry(stack: StackClient, alert_id: str) -> str | None:
    items = stack.admin.http.get("/admin/audit-logs?action=alert_triggered").body["items"]
    return next(
        (f"{i['action']} {i['target']}" for i in items if i["target"] == f"alert:{alert_id}"), None
    )


if __name__ == "__main__":
    play(StackClient(Path(os.environ["STACK_FILE"])))
