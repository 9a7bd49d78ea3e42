"""Why an alert fired, in a sentence that its owner can check with the numbers beside it."""

from datetime import UTC
from decimal import Decimal

from alert_service.domain.rules import given
from alert_service.domain.triggers import HistoryEntry
from goldalert.events.wording import WINDOW_WORDS
from goldalert.money import format_decimal, round_apart, round_apart_to
from goldalert.units import price_in_unit

_PERCENT_PLACES = 2

_LEVEL = "level"


def price_before(entry: HistoryEntry) -> Decimal | None:
    """Return the price that the trigger's move came from, in the rule's own unit and karat.

    None when there was no move, or the tick before is not known any more.
    """
    if entry.value_before is None:
        return None
    if entry.reference is None:
        return price_in_unit(entry.value_before, entry.unit, entry.karat)
    if entry.tick_before is None or entry.currency not in entry.tick_before.prices:
        return None
    return price_in_unit(entry.tick_before.prices[entry.currency], entry.unit, entry.karat)


def reason(entry: HistoryEntry) -> str:
    """Say why an alert fired.

    Example:
        `Gold rose from 4395.10 to 4412.10 USD per troy ounce and so reached your threshold of
        4400 USD.`
    """
    return _price_reason(entry) if entry.reference is None else _percent_reason(entry)


def _price_reason(entry: HistoryEntry) -> str:
    ends = [end for end in (entry.threshold, entry.upper) if end is not None]
    goal = " to ".join(format_decimal(end) for end in ends) + f" {entry.currency}"
    goal = f"your range of {goal}" if entry.upper is not None else f"your threshold of {goal}"
    before = price_before(entry)
    if before is None:
        match entry.alert_type:
            case "range_enter":
                place = "within"
            case "range_exit":
                place = "outside"
            case _:
                place = f"at or {entry.alert_type}"
        return _at_once(f"Gold stood at {_money(entry, entry.price, *ends)}", f"{place} {goal}")
    match entry.alert_type:
        case "range_enter":
            outcome = f"entered {goal}"
        case "range_exit":
            outcome = f"left {goal}"
        case _:
            outcome = f"reached {goal}"
    verb = "rose" if entry.price > before else "fell"
    start = _amount(entry, before, entry.price, *ends)
    return (
        f"Gold {verb} from {start} to {_money(entry, entry.price, before, *ends)} and so {outcome}."
    )


def _percent_reason(entry: HistoryEntry) -> str:
    reference = price_in_unit(given(entry.reference), entry.unit, entry.karat)
    base = f"{_amount(entry, reference, entry.price)} {entry.currency}"
    at = ""
    if entry.reference_tick is not None:
        at = f" ({entry.reference_tick.tick.slot.astimezone(UTC):%Y-%m-%d %H:%M} UTC)"
    match entry.alert_type:
        case "trailing":
            sign, goal = -1, given(entry.trail_percent)
            against = f"its peak of {base}{at}"
        case "sma_cross":
            sign, goal = 1, Decimal(0)
            against = f"its average of {entry.period} ticks, {base}"
        case _:
            sign, goal = 1, given(entry.threshold)
            against = f"the {base} of {WINDOW_WORDS[given(entry.window)]} earlier{at}"
    distance = _distance(sign * entry.value_after, goal)
    against = f"{distance} {against}" if distance != _LEVEL else f"{_LEVEL} with {against}"
    now = _money(entry, entry.price, reference)
    if entry.value_before is None:
        return _at_once(
            f"Gold stood at {now}", f"{against}, which meets the {_percent(goal)} that you set"
        )
    outcome = f"reached the {_percent(goal)} that you set" if goal else "crossed it"
    return (
        f"Gold came to {now}, {against}, and so {outcome}; "
        f"at the tick before it was {_distance(sign * entry.value_before, goal)}."
    )


def _at_once(stood: str, where: str) -> str:
    return f"{stood}, {where}: the alert was to fire at once if its condition was met already."


def _money(entry: HistoryEntry, price: Decimal, *others: Decimal) -> str:
    fineness = "" if entry.karat == 24 else f" of {entry.karat} karat"
    unit = entry.unit.replace("_", " ")
    return f"{_amount(entry, price, *others)} {entry.currency} per {unit}{fineness}"


def _amount(entry: HistoryEntry, price: Decimal, *others: Decimal) -> str:
    """Return a price rounded for people, yet not to any of the others that it differs from.

    Each of them asks for its own places; the one with the most has all of them.
    """
    rounded = [round_apart(price, other, entry.currency)[0] for other in others]
    return f"{min(rounded, key=lambda one: one.as_tuple().exponent):f}"


def _percent(number: Decimal) -> str:
    return f"{format_decimal(number)}%"


def _distance(percent: Decimal, goal: Decimal) -> str:
    if percent == 0:
        return _LEVEL
    shown, _ = round_apart_to(abs(percent), abs(goal), _PERCENT_PLACES)
    return f"{shown:f}% {'above' if percent > 0 else 'below'}"
