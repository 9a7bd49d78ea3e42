"""Leaves behind what `tests/e2e_restart` looks for after the whole stack was restarted."""

import json
from decimal import Decimal
from pathlib import Path

from goldalert_local.client import StackClient, User


def test_a_user_with_an_alert_is_left_behind(stack: StackClient, user: User) -> None:
    with stack.price_feed() as move:
        # no other test moves the price as far up as this alert's level
        move(Decimal("7000"))
        alert = user.http.put(
            "/alert", {"alert_type": "above", "threshold": "7100", "currency": "USD"}
        ).body
    left = {
        "email": user.email,
        "alert_id": alert["id"],
        "authorization": user.http.headers["Authorization"],
    }
    (Path(stack.description["state_dir"]) / "left_behind.json").write_text(json.dumps(left))
