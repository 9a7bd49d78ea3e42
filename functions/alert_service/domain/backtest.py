"""What an alert would have done, had it been set some time ago: the engine's rules, on past ticks.

An alert that is to be refused because it is true already waits here instead.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Context, Decimal
from itertools import islice, pairwise, repeat
from typing import NamedTuple, cast

from alert_service.domain.lifecycle import ARMED, on_claim, on_due, on_set
from alert_service.domain.rules import Rule, Zone
from alert_service.domain.series import (
    WINDOWS,
    Kind,
    Past,
    Reading,
    SeriesName,
    Window,
    read,
)

_EXACT = Context(prec=80)

_ENOUGH_TICKS = 10
"""So many that two of them at least are of successive slots, whatever was missed."""


class PastTick(NamedTuple):
    """A tick that was allowed to trigger, with its price in one currency."""

    sequence: int
    slot: datetime
    price: Decimal


@dataclass(frozen=True)
class Firing:
    """One trigger. `before` is None where the alert fired without a move, when it was set."""

    tick: PastTick
    before: Reading | None
    after: Reading


@dataclass(frozen=True)
class Backtest:
    """What an alert would have done.

    Attributes:
        firings: its triggers.
        ticks: how many ticks said something about its series after it was set.
        known_from: when it was set, or later, when something was known of its series for the first
            time; None if nothing was.
        was_true: its condition held when it was set.
        is_true: it holds after the last tick.
        suppressed_by_hysteresis: how often the condition became true while the series had not left
            the level by the hysteresis since the last trigger.
        suppressed_by_cooldown: how often it became true during a cooldown.
    """

    firings: Sequence[Firing]
    ticks: int
    known_from: datetime | None
    was_true: bool
    is_true: bool
    suppressed_by_hysteresis: int
    suppressed_by_cooldown: int


def history_needed(rule: Rule) -> tuple[timedelta, int]:
    """Say which ticks of before an alert is set are needed to read its series when it is.

    They are so many last ones that were a time or more before the last, and all from then on.
    """
    return WINDOWS[rule.window] if rule.window else timedelta(), rule.period or 1


def simulate(rule: Rule, ticks: Sequence[PastTick], since: datetime) -> Backtest:
    """Set an alert at `since`, and apply the ticks from then on to it.

    Args:
        rule: the alert's; a peak counts from the first of the ticks.
        ticks: in the order of their sequences and slots, `history_needed` and all that follow.
        since: when it is set.
    """
    zones = _zones(rule)
    series = rule.series(peak_since=ticks[0].sequence if ticks else None)
    readings = zip(ticks, _readings(series, ticks), strict=True)
    begin, before = _last(islice(readings, bisect_right(ticks, since, key=lambda tick: tick.slot)))
    value = None if before is None else before.value
    step = on_set(rule, value, since) or ARMED
    firings = [Firing(begin, None, before)] if step.fires and begin and before else []
    was_true = _holds(rule, value)

    known_from = None if begin is None else since
    looked_at = suppressed_by_hysteresis = suppressed_by_cooldown = 0
    for tick, after in readings:
        if step.due_at is not None and step.due_at <= tick.slot:
            step = on_due(rule, step.state, value, tick.slot)
        if after is None:
            continue
        looked_at += 1
        known_from = known_from or tick.slot
        if step.state == "cooling" and value is not None and rule.becomes_true(value, after.value):
            suppressed_by_hysteresis += step.arm == "rearm"
            suppressed_by_cooldown += step.arm is None
        if step.arm is not None and _is_claimed(zones[step.arm], step.arm, value, after.value):
            step = on_claim(rule, step.arm, value, after.value, tick.slot)
            if step.fires:
                firings.append(Firing(tick, before, after))
        before, value = after, after.value
    return Backtest(
        firings=firings,
        ticks=looked_at,
        known_from=known_from,
        was_true=was_true,
        is_true=_holds(rule, value),
        suppressed_by_hysteresis=suppressed_by_hysteresis,
        suppressed_by_cooldown=suppressed_by_cooldown,
    )


def _holds(rule: Rule, value: Decimal | None) -> bool:
    return value is not None and rule.holds(value)


def _zones(rule: Rule) -> dict[Kind, Zone]:
    return {"condition": rule.zone, "first_price": rule.zone, "rearm": rule.rearm_zone}


def _last(
    readings: Iterator[tuple[PastTick, Reading | None]],
) -> tuple[PastTick | None, Reading | None]:
    """Return the last tick that says something about a series, and what."""
    last: tuple[PastTick | None, Reading | None] = None, None
    for tick, reading in readings:
        if reading is not None:
            last = tick, reading
    return last


def _is_claimed(zone: Zone, kind: Kind, before: Decimal | None, after: Decimal) -> bool:
    """Say whether a tick looks at an alert: as `crossings` says, but a hundred thousand times."""
    return kind == "first_price" if before is None else zone.is_crossed(before, after)


def _readings(name: SeriesName, ticks: Sequence[PastTick]) -> Iterator[Reading | None]:
    """Return where each tick brings a series; None where it says nothing about it."""
    last: Reading | None = None
    for tick, past in zip(ticks, _pasts(name, ticks), strict=True):
        last = read(name, tick.price, tick.sequence, past, peak=last)
        yield last


def _pasts(name: SeriesName, ticks: Sequence[PastTick]) -> Iterator[Past]:
    """Return what each tick is measured against."""
    match name.measure:
        case "change":
            return _references(name.currency, cast(Window, name.argument), ticks)
        case "sma":
            return _totals(name.currency, int(name.argument), ticks)
        case _:
            return repeat(Past(), len(ticks))


def _references(currency: str, window: Window, ticks: Sequence[PastTick]) -> Iterator[Past]:
    past = Past()
    earlier = iter(ticks)
    reference = next(earlier, None)
    for tick in ticks:
        while reference is not None and reference.slot <= tick.slot - WINDOWS[window]:
            past = Past(references={(currency, window): (reference.sequence, reference.price)})
            reference = next(earlier, None)
        yield past


def _totals(currency: str, period: int, ticks: Sequence[PastTick]) -> Iterator[Past]:
    total = Decimal(0)
    for number, tick in enumerate(ticks):
        total = _EXACT.add(total, tick.price)
        if number >= period:
            total = _EXACT.subtract(total, ticks[number - period].price)
        yield Past(totals={(currency, period): total} if number + 1 >= period else {})


def earliest_firing(
    rule: Rule, ticks: Sequence[PastTick], last_slot: datetime | None
) -> datetime | None:
    """Return a time before which an alert that is set now cannot fire, if it does not at once.

    None where too few ticks are known to say.

    Args:
        rule: the alert's.
        ticks: as for `simulate`.
        last_slot: of the last tick, whether it was allowed to trigger or not.
    """
    if last_slot is None or len(ticks) < _ENOUGH_TICKS:
        return None
    slot = min(later.slot - earlier.slot for earlier, later in pairwise(ticks))
    next_slot = last_slot + slot
    if rule.window is not None:
        return max(next_slot, ticks[0].slot + WINDOWS[rule.window])
    # a mean crosses nothing before the tick after the first that has all its ticks
    missing = max((rule.period or 0) - len(ticks), 0)
    return next_slot + missing * slot
