"""What is told of an alert that fires, and what is kept of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from alert_service.domain.lifecycle import Alert
from alert_service.domain.rules import AlertType, Rule, given
from alert_service.domain.series import Reading, StoredTick, Window, price_at
from goldalert.events.alerts import Direction, Trigger
from goldalert.money import Currency
from goldalert.units import Karat, Unit, price_in_unit

TRIGGERS_PER_MESSAGE = 100


@dataclass(frozen=True)
class HistoryEntry:
    """A trigger as it is kept, with the rule as it was then.

    Attributes:
        price: at the tick, in the rule's own unit and karat.
        value_before: where the series stood; None when the alert fired without a move.
        value_after: where the tick brought it.
        reference: the price that the series is measured against, per troy ounce; None for a price.
        tick_before: the tick of `value_before`, where it is known and still kept.
        tick: the tick that made it fire, if it is still kept.
        reference_tick: the tick of `reference`, likewise; None for a mean.
    """

    id: UUID
    alert_id: UUID
    triggered_at: datetime
    version: int
    alert_type: AlertType
    threshold: Decimal | None
    upper: Decimal | None
    window: Window | None
    trail_percent: Decimal | None
    period: int | None
    currency: Currency
    unit: Unit
    karat: Karat
    price: Decimal
    value_before: Decimal | None
    value_after: Decimal
    reference: Decimal | None
    tick_before: StoredTick | None
    tick: StoredTick | None
    reference_tick: StoredTick | None


def make_trigger(
    alert: Alert, trigger_id: UUID, tick: StoredTick, before: Reading | None, after: Reading
) -> Trigger:
    """Return what is told of an alert that fires.

    Args:
        alert: the alert.
        trigger_id: its entry in the history.
        tick: the tick that moved the series.
        before: where the series of the alert stood; None when it fires without a move.
        after: where the tick brought it.
    """
    rule = alert.rule
    direction = direction_of(rule, before, after)

    def in_unit(price: Decimal | None) -> Decimal | None:
        return None if price is None else price_in_unit(price, rule.unit, rule.karat)

    return Trigger(
        trigger_id=trigger_id,
        alert_id=alert.id,
        user_id=alert.user_id,
        alert_type=rule.alert_type,
        threshold=price_reached(rule, direction, after),
        price=price_in_unit(tick.prices[rule.currency], rule.unit, rule.karat),
        currency=rule.currency,
        unit=rule.unit,
        karat=rule.karat,
        note=alert.note,
        channels=list(alert.channels),
        version=alert.version,
        direction=direction,
        lower=None if rule.upper is None else rule.threshold,
        upper=rule.upper,
        window=rule.window,
        period=rule.period,
        percent=rule.percent,
        change_percent=None if after.reference is None else after.value,
        reference=in_unit(after.reference),
    )


def direction_of(rule: Rule, before: Reading | None, after: Reading) -> Direction | None:
    """Return which way the price went; None without a move: the condition held already."""
    if before is None:
        return None
    # the series of `trailing` is how far the price has fallen
    went_up = (after.value > before.value) != (rule.alert_type == "trailing")
    return "up" if went_up else "down"


def price_reached(rule: Rule, direction: Direction | None, after: Reading) -> Decimal:
    """Return the price that an alert waited for, in its own unit and karat."""
    match rule.alert_type:
        case "percent_change" | "trailing" | "sma_cross":
            percent = rule.percent or Decimal(0)
            off = -percent if rule.alert_type == "trailing" else percent
            price = price_at(off, given(after.reference))
            return price_in_unit(price, rule.unit, rule.karat)
        case "range_enter":
            return given(rule.upper if direction == "down" else rule.threshold)
        case "range_exit":
            return given(rule.upper if after.value >= given(rule.zone.up) else rule.threshold)
        case _:
            return given(rule.threshold)


def pack(triggers: Sequence[str], max_bytes: int) -> Iterator[list[str]]:
    """Cut triggers, each as JSON, into messages of at most 100 triggers and `max_bytes`."""
    message: list[str] = []
    size = 0
    for trigger in triggers:
        trigger_size = len(trigger.encode()) + len(",")
        if message and (len(message) == TRIGGERS_PER_MESSAGE or size + trigger_size > max_bytes):
            yield message
            message, size = [], 0
        message.append(trigger)
        size += trigger_size
    if message:
        yield message
