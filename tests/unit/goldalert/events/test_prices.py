"""What is said of prices."""

from typing import get_args

from goldalert.events.prices import Origin


def test_the_less_real_an_origin_the_later_in_the_alphabet() -> None:
    """SQL and Python take the greatest one for what is made of several prices."""
    assert sorted(get_args(Origin)) == ["live", "replay", "simulator"]
