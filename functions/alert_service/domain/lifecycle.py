"""The life of an alert: what becomes of it when it is set, claimed by a tick, or due.

`armed` waits for its condition; `cooling` has fired and waits for its cooldown to end, and then for
the series to leave the level by the hysteresis; `snoozed` waits for a time, `paused` for its owner;
`triggered` and `expired` are over.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple
from uuid import UUID

from alert_service.domain.rules import Rule
from alert_service.domain.series import Kind, SeriesName
from goldalert.events.alerts import Channel

State = Literal["armed", "cooling", "paused", "snoozed", "triggered", "expired"]

ACTIVE: frozenset[State] = frozenset({"armed", "cooling", "snoozed"})
"""What may still trigger without its owner doing anything."""

PUT_OFF: frozenset[State] = frozenset({"paused", "snoozed"})
"""What its owner does not want to hear of for now. It has no levels."""


@dataclass(frozen=True)
class Alert:
    """One user's alert. `expired` is written some time after the expiry; see `state_at`.

    Attributes:
        version: of the rule: 1, 2, 3, … with each edit of it.
        due_at: when a snooze or a cooldown ends; None when there is nothing to wait for.
        peak_since: for `trailing`, the tick from which on the peak counts.
    """

    id: UUID
    user_id: UUID
    rule: Rule
    version: int
    state: State
    due_at: datetime | None
    peak_since: int | None
    note: str | None
    channels: Sequence[Channel]
    created_at: datetime
    updated_at: datetime
    triggered_at: datetime | None

    @property
    def series(self) -> SeriesName:
        return self.rule.series(self.peak_since)

    def state_at(self, now: datetime) -> State:
        return "expired" if self.state in ACTIVE and self.rule.is_over(now) else self.state

    def after(self, step: "Step", now: datetime) -> "Alert":
        """Return the alert as a step leaves it."""
        return replace(
            self,
            state=step.state,
            due_at=step.due_at,
            triggered_at=now if step.fires else self.triggered_at,
        )


class Claimed(NamedTuple):
    """An alert that was disarmed since its series crossed a level of it, and that level."""

    alert: Alert
    kind: Kind
    level: Decimal


@dataclass(frozen=True)
class Step:
    """What happens to an alert.

    Attributes:
        state: what it is from now on.
        arm: why levels are armed for it from now on; None when none are.
        due_at: when a cooldown ends; None without one.
        fires: it triggers now.
    """

    state: State
    arm: Kind | None = None
    due_at: datetime | None = None
    fires: bool = False


EXPIRED = Step("expired")
ARMED = Step("armed", arm="condition")


def on_set(rule: Rule, value: Decimal | None, at: datetime) -> Step | None:
    """Say what becomes of a rule that is set while its series stands at `value`.

    None when it is to be refused, because it is true already. Before the first value of the series
    there is nothing to refuse.
    """
    if value is None:
        return Step("armed", arm="first_price") if rule.if_already_true == "fire" else ARMED
    if not rule.holds(value) or rule.if_already_true == "wait":
        return ARMED
    return _fired(rule, value, at) if rule.if_already_true == "fire" else None


def on_claim(
    rule: Rule, kind: Kind, before: Decimal | None, after: Decimal, slot: datetime
) -> Step:
    """Say what becomes of an alert, one of whose levels a tick of `slot` has crossed.

    A level only says that the alert is to be looked at: a price that jumps over a range crosses a
    level of it, and does not enter it. Rules that `fires_when_reached` need no such look: the
    database fires their alerts (`fire_once` of the repository).
    """
    if rule.is_over(slot):
        return EXPIRED
    if kind == "rearm":
        return _cooled(rule, after)
    # an alert that waits for the first value of its series, and was not true then
    fires = rule.holds(after) if before is None else rule.becomes_true(before, after)
    return _fired(rule, after, slot) if fires else ARMED


def on_due(rule: Rule, state: State, value: Decimal | None, at: datetime) -> Step:
    """Say what becomes of an alert whose snooze or cooldown is over while its series is at `value`.

    The end of a snooze is like setting the alert, but that nothing is refused.
    """
    if rule.is_over(at):
        return EXPIRED
    if state == "cooling" and value is not None:
        return _cooled(rule, value)
    return on_set(rule, value, at) or ARMED


def _fired(rule: Rule, value: Decimal, at: datetime) -> Step:
    if rule.repeat == "once":
        return Step("triggered", fires=True)
    if rule.cooldown_minutes:
        return Step("cooling", due_at=at + rule.cooldown, fires=True)
    return replace(_cooled(rule, value), fires=True)


def _cooled(rule: Rule, value: Decimal) -> Step:
    return ARMED if rule.rearm_zone.holds(value) else Step("cooling", arm="rearm")
