"""What a trigger says of itself."""

from decimal import Decimal

import pytest

from goldalert.events.alerts import Direction
from goldalert.ids import new_id
from tests.support.facts import trigger


@pytest.mark.parametrize(("alert_type", "direction"), [("above", "up"), ("below", "down")])
@pytest.mark.parametrize("price", ["4399.99", "4400", "4400.01"])
def test_the_type_says_which_way_the_price_went(
    alert_type: str, direction: Direction, price: str
) -> None:
    """Not the price: it may be the threshold itself."""
    fired = trigger(new_id(), alert_type=alert_type, price=Decimal(price))
    assert fired.direction == direction
