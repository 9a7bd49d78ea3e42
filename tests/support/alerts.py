"""Rules, alerts and ticks with everything but what a test is about filled in."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from alert_service.domain.lifecycle import Alert
from alert_service.domain.rules import AlertType, Rule
from alert_service.domain.series import StoredTick
from goldalert.events.prices import Tick, TickState
from goldalert.ids import new_id
from goldalert.money import Currency
from goldalert.units import Karat, Unit

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SLOT = timedelta(minutes=5)

_DECIMALS = ("threshold", "upper", "trail_percent", "hysteresis_percent")

_CONDITIONS: Mapping[AlertType, Mapping[str, object]] = {
    "above": {"threshold": "100"},
    "below": {"threshold": "100"},
    "crosses_up": {"threshold": "100"},
    "crosses_down": {"threshold": "100"},
    "crosses": {"threshold": "100"},
    "percent_change": {"threshold": "2", "window": "1h"},
    "range_enter": {"threshold": "100", "upper": "110"},
    "range_exit": {"threshold": "100", "upper": "110"},
    "trailing": {"trail_percent": "5"},
    "sma_cross": {"period": 3},
}
"""An example of each."""


def make_rule(alert_type: AlertType = "above", **fields: Any) -> Rule:
    """Return a rule; decimals may be given as strings. Hysteresis and cooldown are none."""
    rule = Rule(
        alert_type=alert_type,
        threshold=None,
        upper=None,
        window=None,
        trail_percent=None,
        period=None,
        currency=Currency.USD,
        unit=Unit.TROY_OUNCE,
        karat=Karat.K24,
        repeat="once",
        cooldown_minutes=0,
        hysteresis_percent=Decimal(0),
        if_already_true="wait",
        expires_at=None,
    )
    given = {**_CONDITIONS[alert_type], **fields}
    return replace(
        rule,
        **{
            name: Decimal(value) if name in _DECIMALS and value is not None else value
            for name, value in given.items()
        },
    )


def make_alert(rule: Rule, **fields: Any) -> Alert:
    """Return an alert that was just armed."""
    alert = Alert(
        id=new_id(),
        user_id=UUID(int=1),
        rule=rule,
        version=1,
        state="armed",
        due_at=None,
        peak_since=None,
        note=None,
        channels=["email", "in_app"],
        created_at=NOON,
        updated_at=NOON,
        triggered_at=None,
    )
    return replace(alert, **fields)


def make_tick(
    sequence: int = 7, price: str | None = "100", state: TickState = "fresh"
) -> StoredTick:
    """Return a tick of a slot every 5 minutes after noon, with a price in dollars or none."""
    tick = Tick(
        tick_id=new_id(),
        sequence=sequence,
        slot=NOON + SLOT * sequence,
        state=state,
        origin="live",
        sources=[],
        counted=0,
        agreeing=0,
    )
    return StoredTick(tick, {} if price is None else {"USD": Decimal(price)}, "correlation")


def rules(prices: st.SearchStrategy[Decimal] | None = None) -> st.SearchStrategy[Rule]:
    """Draw rules of every condition that `Rule.check` lets pass.

    Args:
        prices: thresholds are drawn from; from 90 to 110 by default, to be met often.
    """
    thresholds = prices if prices is not None else st.integers(90, 110).map(Decimal)
    percents = st.integers(1, 60).map(lambda tenths: Decimal(tenths) / 10)
    common = {
        "repeat": st.sampled_from(["once", "every", "every"]),
        "cooldown_minutes": st.sampled_from([0, 0, 7, 10, 60]),
        "hysteresis_percent": st.sampled_from(["0", "0.2", "1", "3"]),
        "unit": st.just(Unit.TROY_OUNCE),
        "karat": st.just(Karat.K24),
    }
    wishes = {"if_already_true": st.sampled_from(["fire", "wait", "reject"])}

    def of(alert_type: AlertType, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Rule]:
        return st.builds(make_rule, st.just(alert_type), **common, **fields)

    def of_range(alert_type: AlertType) -> st.SearchStrategy[Rule]:
        # wide enough for every hysteresis
        return st.tuples(thresholds, st.integers(11, 13)).flatmap(
            lambda drawn: of(
                alert_type,
                threshold=st.just(drawn[0]),
                upper=st.just(drawn[0] * drawn[1] / 10),
                **wishes,
            )
        )

    return st.one_of(
        *(of(kind, threshold=thresholds, **wishes) for kind in ("above", "below")),
        *(of(kind, threshold=thresholds) for kind in ("crosses_up", "crosses_down", "crosses")),
        of(
            "percent_change",
            threshold=st.builds(lambda p, sign: p * sign, percents, st.sampled_from([1, -1])),
            window=st.sampled_from(["1h", "24h"]),
            **wishes,
        ),
        of_range("range_enter"),
        of_range("range_exit"),
        of("trailing", trail_percent=percents, **wishes),
        of("sma_cross", period=st.integers(2, 5)),
    )
