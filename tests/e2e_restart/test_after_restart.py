"""After a restart of the whole stack everything goes on as before."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from goldalert_local.client import StackClient


@pytest.fixture
def left(stack: StackClient) -> dict[str, Any]:
    found = Path(stack.description["state_dir"]) / "left_behind.json"
    loaded: dict[str, Any] = json.loads(found.read_text())
    return loaded


def test_the_user_of_before_is_still_signed_in_and_can_sign_in_again(
    stack: StackClient, left: dict[str, Any]
) -> None:
    token = left["authorization"].removeprefix("Bearer ")
    assert stack.http.with_token(token).get("/auth/me").body["email"] == left["email"]
    assert stack.login(left["email"]).http.get("/auth/me").status == 200


def test_the_alert_of_before_triggers(stack: StackClient, left: dict[str, Any]) -> None:
    user = stack.login(left["email"])
    assert user.http.get(f"/alert/{left['alert_id']}").body["state"] == "armed"
    with stack.price_feed() as move:
        move(Decimal("7123.00"))
    stack.wait_for_mail(left["email"], "7,123")
    assert user.http.get(f"/alert/{left['alert_id']}").body["state"] == "triggered"
