"""What an alert would have done in the past, and why it may do nothing in the future."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from alert_service.domain.backtest import (
    Backtest,
    Firing,
    PastTick,
    earliest_firing,
    history_needed,
    simulate,
)
from alert_service.domain.rules import Rule
from alert_service.domain.triggers import direction_of, price_reached
from alert_service.schemas import (
    BacktestRequest,
    BacktestTrigger,
    BacktestView,
    BacktestWarning,
    SuppressedView,
)
from goldalert.clock import Clock
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.units import price_in_unit

MAX_TRIGGERS = 1_000
"""How many triggers are shown, the last ones; all are counted."""


class PastTicks(Protocol):
    """What a back-test needs of the database."""

    def past_ticks(
        self, currency: str, since: datetime, *, window: timedelta, count: int
    ) -> list[PastTick]: ...
    def last_slot(self) -> datetime | None: ...


def backtest(
    unit_of_work: UnitOfWork[PastTicks], clock: Clock, request: BacktestRequest
) -> BacktestView:
    """Say when an alert would have triggered, had it been set some days ago. Nothing is stored.

    Raises:
        InvalidFieldError: the rule makes no sense, or the expiry does not lie in the future.
    """
    rule, now = request.rule, clock.now()
    rule.check(now)
    since = now - timedelta(days=request.days)
    window, count = history_needed(rule)
    with unit_of_work.begin() as tx:
        ticks = tx.repository.past_ticks(rule.currency, since, window=window, count=count)
        last_slot = tx.repository.last_slot()
    result = simulate(rule, ticks, since)
    fires_now = result.is_true and rule.if_already_true == "fire"
    earliest = None if fires_now else earliest_firing(rule, ticks, last_slot)
    never_fires = earliest is not None and rule.is_over(earliest)
    return BacktestView(
        since=since,
        until=now,
        ticks=result.ticks,
        count=len(result.firings),
        triggers=[_view(rule, firing) for firing in result.firings[-MAX_TRIGGERS:]],
        suppressed=SuppressedView(
            hysteresis=result.suppressed_by_hysteresis, cooldown=result.suppressed_by_cooldown
        ),
        already_true=result.was_true,
        never_fires=never_fires,
        warnings=list(_warnings(rule, since, result, earliest if never_fires else None)),
    )


def _view(rule: Rule, firing: Firing) -> BacktestTrigger:
    def in_unit(price: Decimal) -> Decimal:
        return price_in_unit(price, rule.unit, rule.karat)

    before, after = firing.before, firing.after
    direction = direction_of(rule, before, after)
    return BacktestTrigger(
        slot=firing.tick.slot,
        sequence=firing.tick.sequence,
        direction=direction,
        price=in_unit(firing.tick.price),
        threshold=price_reached(rule, direction, after),
        value=None if after.reference is None else after.value,
        reference=None if after.reference is None else in_unit(after.reference),
    )


def _warnings(
    rule: Rule, since: datetime, result: Backtest, expires_before: datetime | None
) -> Iterator[BacktestWarning]:
    if expires_before is not None:
        yield BacktestWarning(
            code="expires_too_soon",
            detail="The alert expires before it can trigger, which is at "
            f"{expires_before:%Y-%m-%d %H:%M} UTC at the earliest.",
        )
    if result.is_true and rule.if_already_true == "reject":
        yield BacktestWarning(
            code="refused_now", detail="The condition holds now: the alert would be refused."
        )
    if result.is_true and rule.if_already_true == "wait":
        yield BacktestWarning(
            code="waits_now",
            detail="The condition holds now: the alert will trigger when it holds anew.",
        )
    if result.known_from is None:
        yield BacktestWarning(
            code="no_history", detail="Nothing is known of the time that was asked for."
        )
    elif result.known_from > since:
        yield BacktestWarning(
            code="short_history",
            detail="What the condition is about is known only from "
            f"{result.known_from:%Y-%m-%d %H:%M} UTC on.",
        )
