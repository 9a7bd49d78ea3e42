"""What made an alert fire, in words that every message to its owner shares."""

from collections.abc import Mapping
from decimal import Decimal

from goldalert.events.alerts import Direction, Trigger
from goldalert.money import round_apart_to

WINDOW_WORDS: Mapping[str, str] = {"1h": "an hour", "24h": "24 hours", "7d": "7 days"}

_PERCENT_PLACES = 2

# what fired before triggers had a version, and said which way the price went
_DIRECTIONS: Mapping[str, Direction] = {"above": "up", "below": "down"}

_VERBS: Mapping[Direction, str] = {"up": "rose", "down": "fell"}
_SIDES: Mapping[Direction, str] = {"up": "above", "down": "below"}


def movement(trigger: Trigger) -> str:
    """Return what the price did, to be followed by the trigger's threshold.

    What held already did not move: it is above, and did not rise.

    Example:
        `rose above`, as in “Gold rose above 4400 USD”, or `fell 3.07% from its peak, past`, as in
        “Gold fell 3.07% from its peak, past 4365 USD”.
    """
    direction = trigger.direction
    if trigger.version is None:
        direction = direction or _DIRECTIONS.get(trigger.alert_type)
    is_met = trigger.price == trigger.threshold
    match trigger.alert_type:
        case "percent_change" if trigger.change_percent is not None:
            verb = _VERBS["up" if trigger.change_percent > 0 else "down"]
            window = WINDOW_WORDS.get(trigger.window or "", trigger.window)
            return f"{verb} {_percent(trigger)} in {window}, {'to' if is_met else 'past'}"
        case "trailing" if trigger.change_percent is not None:
            return f"fell {_percent(trigger)} from its peak, {'to' if is_met else 'past'}"
        case "range_enter":
            if direction is None:
                return "is in your range, which begins at"
            return f"{_VERBS[direction]} into your range at"
        case "range_exit":
            if direction is None:
                return "is out of your range, an end of which is"
            return f"{_VERBS[direction]} out of your range at"
    if direction is None:
        is_side = trigger.alert_type in _DIRECTIONS
        crossed = f"is {'at' if is_met else trigger.alert_type}" if is_side else "reached"
    elif is_met:
        crossed = f"{_VERBS[direction]} to"
    else:
        crossed = f"{_VERBS[direction]} {_SIDES[direction]}"
    if trigger.alert_type == "sma_cross":
        return f"{crossed} its average of {trigger.period} ticks,"
    return crossed


def _percent(trigger: Trigger) -> str:
    """Return a change for people, without its sign, yet not rounded to what the alert waits for."""
    change, goal = (abs(part or Decimal(0)) for part in (trigger.change_percent, trigger.percent))
    shown, _ = round_apart_to(change, goal, _PERCENT_PLACES)
    return f"{shown:f}%"
