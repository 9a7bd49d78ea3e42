"""What clients send to the alert service and get from it."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from alert_service.domain.lifecycle import State
from alert_service.domain.rules import AlertType, IfAlreadyTrue
from alert_service.domain.series import Window
from goldalert.events.alerts import Channel
from goldalert.events.prices import Origin, TickState
from goldalert.http.schemas import RequestBody, Text, Time, View, unsent
from goldalert.money import ComputedDecimalString, Currency, DecimalString, PositiveDecimalString
from goldalert.units import Karat, Unit


def _check_distinct(channels: list[Channel]) -> list[Channel]:
    if len(set(channels)) < len(channels):
        raise ValueError("names a channel twice")
    return channels


Note = Annotated[Text, StringConstraints(max_length=500)]
Channels = Annotated[
    list[Channel], Field(min_length=1, max_length=2), AfterValidator(_check_distinct)
]


class CreateAlertRequest(RequestBody):
    """`threshold` is a price in `currency` per `unit` of gold of `karat`."""

    alert_type: AlertType
    threshold: PositiveDecimalString
    currency: Currency = Currency.USD
    unit: Unit = Unit.TROY_OUNCE
    karat: Karat = Karat.K24
    if_already_true: IfAlreadyTrue = "wait"
    expires_at: Time | None = None
    note: Note | None = None
    channels: Channels = Field(default=["email", "in_app"])


class ChangeAlertRequest(RequestBody):
    """What is not sent stays as it is. Only `expires_at` and `note` can be emptied with a null."""

    alert_type: AlertType = Field(default_factory=unsent)
    threshold: PositiveDecimalString = Field(default_factory=unsent)
    currency: Currency = Field(default_factory=unsent)
    unit: Unit = Field(default_factory=unsent)
    karat: Karat = Field(default_factory=unsent)
    if_already_true: IfAlreadyTrue = Field(default_factory=unsent)
    expires_at: Time | None = None
    note: Note | None = None
    channels: Channels = Field(default_factory=unsent)


class AlertView(View):
    """An alert. `active` says whether it can still trigger."""

    id: UUID
    alert_type: AlertType
    threshold: DecimalString
    currency: Currency
    unit: Unit
    karat: Karat
    if_already_true: IfAlreadyTrue
    expires_at: datetime | None
    note: str | None
    channels: list[Channel]
    state: State
    active: bool
    created_at: datetime
    updated_at: datetime
    triggered_at: datetime | None


class TriggerTick(View):
    """A tick that a trigger stands on.

    `GET /price/ticks/{tick_id}` shows every quote of it for 400 days; this stays with the alert.
    `price_per_troy_ounce` is that of fine gold in the alert's currency: `dollars_per_troy_ounce`
    times `exchange_rate`, the units of the currency for a dollar on `exchange_rates_as_of`.
    `exchange_rate` is null for dollars, and where it was not kept.
    """

    tick_id: UUID
    sequence: int
    slot: datetime
    state: TickState
    origin: Origin
    sources: list[str]
    counted: int
    agreeing: int
    spread_bps: ComputedDecimalString | None
    exchange_rates_as_of: date | None
    dollars_per_troy_ounce: ComputedDecimalString | None
    exchange_rate: ComputedDecimalString | None
    price_per_troy_ounce: ComputedDecimalString | None


class TriggerReference(View):
    """What a percentage is measured against: a price of the past, a peak or a mean.

    `price` is in the alert's own unit and karat. A mean has no tick.
    """

    price: ComputedDecimalString
    price_per_troy_ounce: ComputedDecimalString
    tick: TriggerTick | None


class TriggerView(View):
    """One trigger and why it happened: `reason` says it, the rest is what it is made of.

    The rule is as it was in its `version`. `price` is in the alert's own unit and karat, as is
    `price_before`: the tick's price of a troy ounce × `grams` × `karat` / 24 /
    `grams_per_troy_ounce`, rounded to 12 decimal places. `value_before` and `value` are those of
    what the alert watches: the price of a troy ounce of fine gold, or a percentage off `reference`.
    `price_before` and `value_before` are null when there was no move: the condition held already.
    A tick is null when it is not known, or not kept any more.
    """

    id: UUID
    alert_id: UUID
    triggered_at: datetime
    reason: str
    version: int
    alert_type: AlertType
    threshold: DecimalString | None
    upper: DecimalString | None
    window: Window | None
    trail_percent: DecimalString | None
    period: int | None
    currency: Currency
    unit: Unit
    karat: Karat
    price_before: ComputedDecimalString | None
    price: ComputedDecimalString
    grams: ComputedDecimalString
    grams_per_troy_ounce: ComputedDecimalString
    value_before: ComputedDecimalString | None
    value: ComputedDecimalString
    reference: TriggerReference | None
    tick_before: TriggerTick | None
    tick: TriggerTick | None
