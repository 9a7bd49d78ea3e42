"""Facts about alerts, published by the alert service on the topic `alerts`."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal
from uuid import UUID

from goldalert.events.envelope import Event, EventData
from goldalert.events.prices import Tick

Channel = Literal["email", "in_app"]

Direction = Literal["up", "down"]

# a type that is not here is an error: a guess could tell people the opposite of what happened
_DIRECTIONS: Mapping[str, Direction] = {"above": "up", "below": "down"}


class Trigger(EventData):
    """One alert that fired.

    Attributes:
        trigger_id: the entry of the alert's history; the same through every retry.
        alert_id: the alert.
        user_id: its owner.
        alert_type: the condition, such as `above`.
        threshold: the level as the user entered it, in `currency` per `unit` of `karat` gold.
        price: the price at the tick, in the same currency, unit and karat.
        currency: ISO 4217 code.
        unit: such as `troy_ounce`.
        karat: 24 for fine gold.
        note: the user's own words.
        channels: where the user wants to be told.
    """

    trigger_id: UUID
    alert_id: UUID
    user_id: UUID
    alert_type: str
    threshold: Decimal
    price: Decimal
    currency: str
    unit: str
    karat: int
    note: str | None = None
    channels: list[Channel]

    @property
    def direction(self) -> Direction:
        """Which way the price went when it crossed the threshold."""
        return _DIRECTIONS[self.alert_type]


class AlertTriggeredData(EventData):
    """Up to 100 triggers of one tick, whose facts are said once.

    Attributes:
        tick: the tick that crossed the levels.
        triggers: the alerts that fired; a message holds what fits into 256 KiB.
    """

    tick: Tick
    triggers: list[Trigger]


class AlertTriggeredV1(Event[AlertTriggeredData]):
    """A tick crossed the levels of alerts."""

    event_type: Literal["alert_triggered"] = "alert_triggered"
    event_version: Literal[1] = 1
