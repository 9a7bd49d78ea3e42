"""What clients send to the alert service and get from it."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from alert_service.domain import AlertType, IfAlreadyTrue, State
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
    """The tick that made an alert trigger.

    `GET /price/ticks/{tick_id}` shows every quote of it for 400 days; this stays with the alert.
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


class TriggerView(View):
    """One trigger and why it happened.

    The rule is as it was then. `price` is in the alert's own unit and karat; `price_before` and
    `price_after` are those of a troy ounce of fine gold, which `level` is the threshold in.
    `price_before` is null when there was no move: the condition held when the alert was set.
    """

    id: UUID
    alert_id: UUID
    triggered_at: datetime
    alert_type: AlertType
    threshold: DecimalString
    currency: Currency
    unit: Unit
    karat: Karat
    price: ComputedDecimalString
    level: ComputedDecimalString
    price_before: ComputedDecimalString | None
    price_after: ComputedDecimalString
    tick: TriggerTick
