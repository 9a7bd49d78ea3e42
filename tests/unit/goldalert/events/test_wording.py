"""What messages say that a price did."""

from decimal import Decimal

import pytest

from goldalert.events.alerts import Direction
from goldalert.events.wording import movement
from goldalert.ids import new_id
from tests.support.facts import trigger

PERCENT = {
    "alert_type": "percent_change",
    "window": "24h",
    "percent": Decimal(2),
    "change_percent": Decimal("2.308"),
    "direction": "up",
}
TRAILING = {
    "alert_type": "trailing",
    "percent": Decimal(3),
    "change_percent": Decimal("3.07"),
    "direction": "down",
}
AVERAGE = {"alert_type": "sma_cross", "period": 20, "change_percent": Decimal("0.05")}


@pytest.mark.parametrize("alert_type", ["above", "crosses_up", "crosses", "a_type_of_tomorrow"])
@pytest.mark.parametrize(
    ("direction", "price", "words"),
    [
        ("up", "4412.10", "rose above"),
        ("up", "4400.00", "rose to"),
        ("down", "4399.10", "fell below"),
        ("down", "4400", "fell to"),
    ],
)
def test_a_price_moves_past_its_threshold_or_just_to_it(
    alert_type: str, direction: Direction, price: str, words: str
) -> None:
    fired = trigger(new_id(), alert_type=alert_type, direction=direction, price=Decimal(price))
    assert movement(fired) == words


@pytest.mark.parametrize(
    ("alert_type", "price", "words"),
    [
        ("above", "4412.10", "rose above"),
        ("above", "4400", "rose to"),
        ("below", "4399", "fell below"),
        ("below", "4400", "fell to"),
        ("crosses", "4412.10", "reached"),
        ("range_enter", "4412.10", "is in your range, which begins at"),
        ("range_exit", "4412.10", "is out of your range, an end of which is"),
        ("a_type_of_tomorrow", "4412.10", "reached"),
    ],
)
def test_without_a_direction_only_what_the_type_says_is_said(
    alert_type: str, price: str, words: str
) -> None:
    """Such are the triggers of before."""
    assert movement(trigger(new_id(), alert_type=alert_type, price=Decimal(price))) == words


@pytest.mark.parametrize(
    ("alert_type", "price", "words"),
    [
        ("above", "4412.10", "is above"),
        ("above", "4400", "is at"),
        ("below", "4399", "is below"),
        ("range_exit", "4412.10", "is out of your range, an end of which is"),
        ("a_type_of_tomorrow", "4412.10", "reached"),
    ],
)
def test_what_held_already_is_not_said_to_have_moved(
    alert_type: str, price: str, words: str
) -> None:
    fired = trigger(new_id(), alert_type=alert_type, price=Decimal(price), version=1)
    assert movement(fired) == words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"alert_type": "range_enter", "direction": "up"}, "rose into your range at"),
        ({"alert_type": "range_enter", "direction": "down"}, "fell into your range at"),
        ({"alert_type": "range_exit", "direction": "up"}, "rose out of your range at"),
        ({"alert_type": "range_exit", "direction": "down"}, "fell out of your range at"),
        (PERCENT, "rose 2.31% in 24 hours, past"),
        (PERCENT | {"window": "1h"}, "rose 2.31% in an hour, past"),
        (PERCENT | {"window": "30d"}, "rose 2.31% in 30d, past"),
        (PERCENT | {"change_percent": Decimal("2.0004")}, "rose 2.0004% in 24 hours, past"),
        (
            PERCENT | {"change_percent": Decimal(2), "price": Decimal(4400)},
            "rose 2.00% in 24 hours, to",
        ),
        # whichever way the last tick went: it is so much lower than it was
        (
            PERCENT | {"percent": Decimal(-2), "change_percent": Decimal("-2.5")},
            "fell 2.50% in 24 hours, past",
        ),
        (TRAILING, "fell 3.07% from its peak, past"),
        (
            TRAILING | {"change_percent": Decimal(3), "price": Decimal(4400)},
            "fell 3.00% from its peak, to",
        ),
        (AVERAGE | {"direction": "up"}, "rose above its average of 20 ticks,"),
        (AVERAGE | {"direction": "down"}, "fell below its average of 20 ticks,"),
        (
            AVERAGE | {"direction": "down", "price": Decimal(4400)},
            "fell to its average of 20 ticks,",
        ),
    ],
)
def test_every_condition_has_its_words(changes: dict[str, object], words: str) -> None:
    assert movement(trigger(new_id(), **changes)) == words
