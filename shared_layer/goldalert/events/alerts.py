"""Facts about alerts, published by the alert service on the topic `alerts`."""

from decimal import Decimal
from typing import Literal
from uuid import UUID

from goldalert.events.envelope import Event, EventData
from goldalert.events.prices import Tick
from goldalert.money import format_decimal

Channel = Literal["email", "in_app"]

Direction = Literal["up", "down"]


class Trigger(EventData):
    """One alert that fired.

    Attributes:
        trigger_id: the entry of the alert's history; the same through every retry.
        alert_id: the alert.
        user_id: its owner.
        alert_type: the condition, such as `above`.
        threshold: the price that was reached, in `currency` per `unit` of `karat` gold: what the
            user entered, or what the percentage or the mean of the condition comes to.
        price: the price at the tick, in the same currency, unit and karat.
        currency: ISO 4217 code.
        unit: such as `troy_ounce`.
        karat: 24 for fine gold.
        note: the user's own words.
        channels: where the user wants to be told.
        version: of the rule.
        direction: which way the price went; None without a move: the condition held already.
        lower: for a range, its lower end as the user entered it.
        upper: for a range, its upper end as the user entered it.
        window: for `percent_change`, such as `24h`.
        period: for `sma_cross`, the ticks in the mean.
        percent: for `percent_change` and `trailing`, what the user entered.
        change_percent: for `percent_change`, `trailing` and `sma_cross`, how far the price is from
            `reference`; for `trailing`, how far below it.
        reference: the price that the condition is measured against: that of the window's begin, the
            peak, or the mean; in `currency` per `unit` of `karat` gold.
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
    version: int | None = None
    direction: Direction | None = None
    lower: Decimal | None = None
    upper: Decimal | None = None
    window: str | None = None
    period: int | None = None
    percent: Decimal | None = None
    change_percent: Decimal | None = None
    reference: Decimal | None = None

    def facts(self) -> dict[str, str | int]:
        """Return what programs may want to know, as JSON: ids, rule and numbers.

        Neither the owner nor the owner's own words; nor what the condition does not have.
        """
        hidden = {"user_id", "note", "channels"}
        return {
            name: value if isinstance(value, int) else _text(value)
            for name, value in self.model_dump(exclude=hidden, exclude_none=True).items()
        }


def _text(value: object) -> str:
    return format_decimal(value) if isinstance(value, Decimal) else str(value)


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
