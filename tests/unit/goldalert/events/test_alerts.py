"""What a trigger says of itself."""

from decimal import Decimal

from goldalert.ids import new_id
from tests.support.facts import trigger


def test_facts_are_what_the_condition_has_but_neither_the_owner_nor_their_words() -> None:
    fired = trigger(
        new_id(),
        alert_type="trailing",
        threshold=Decimal("4365.000000000000"),
        note="sell the ring",
        version=3,
        direction="down",
        percent=Decimal("3.0"),
        change_percent=Decimal("3.070000000000"),
        reference=Decimal("4500.000000000000"),
    )
    assert fired.facts() == {
        "trigger_id": str(fired.trigger_id),
        "alert_id": str(fired.alert_id),
        "alert_type": "trailing",
        "threshold": "4365",
        "price": "4412.104",
        "currency": "USD",
        "unit": "troy_ounce",
        "karat": 24,
        "version": 3,
        "direction": "down",
        "percent": "3",
        "change_percent": "3.07",
        "reference": "4500",
    }
