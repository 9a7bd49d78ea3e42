"""What clients send to the alert service and get from it."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from alert_service.domain.lifecycle import State
from alert_service.domain.rules import RULE_FIELDS, AlertType, IfAlreadyTrue, Repeat, Rule
from alert_service.domain.series import Window
from goldalert.events.alerts import Channel, Direction
from goldalert.events.prices import Origin, TickState
from goldalert.http.schemas import RequestBody, Text, Time, View, unsent
from goldalert.money import ComputedDecimalString, Currency, DecimalString
from goldalert.units import Karat, Unit


def _check_distinct(channels: list[Channel]) -> list[Channel]:
    if len(set(channels)) < len(channels):
        raise ValueError("names a channel twice")
    return channels


Note = Annotated[Text, StringConstraints(max_length=500)]
Channels = Annotated[
    list[Channel], Field(min_length=1, max_length=2), AfterValidator(_check_distinct)
]
Period = Annotated[int, Field(strict=True)]
CooldownMinutes = Annotated[int, Field(strict=True, ge=0, le=30 * 24 * 60)]
HysteresisPercent = Annotated[DecimalString, Field(ge=0, le=50)]


class CreateAlertRequest(RequestBody):
    """What to watch for, and whom to tell.

    Each condition has fields of its own, and takes no others:

    - `above`, `below`: `threshold`. The price is there, or past it.
    - `crosses_up`, `crosses_down`, `crosses`: `threshold`. The price comes to it from below, from
      above, or from either side.
    - `range_enter`, `range_exit`: `threshold` and `upper`, the ends of the range. The price is
      within it, its ends included; or at an end of it or beyond.
    - `percent_change`: `window` and `threshold`, here a signed percentage. The price is so much
      above what it was a window ago, or below it.
    - `trailing`: `trail_percent`. The price is so far below its peak since the alert was set.
    - `sma_cross`: `period`, in ticks. The price comes to its moving average, from either side.

    Prices are in `currency` per `unit` of gold of `karat`. Where a condition holds already when the
    alert is set, `if_already_true` says what is to happen: `fire` at once, `wait` until it holds
    anew, or `reject` the request; those about coming from another side only wait. With `repeat`
    `every`, the alert may trigger again when `cooldown_minutes` are over and the price has been
    away from the level by `hysteresis_percent`: of the level, or percentage points where the
    condition is about a percentage.
    """

    alert_type: AlertType
    threshold: DecimalString | None = None
    upper: DecimalString | None = None
    window: Window | None = None
    trail_percent: DecimalString | None = None
    period: Period | None = None
    currency: Currency = Currency.USD
    unit: Unit = Unit.TROY_OUNCE
    karat: Karat = Karat.K24
    repeat: Repeat = "once"
    cooldown_minutes: CooldownMinutes = 0
    hysteresis_percent: HysteresisPercent = Decimal("0.2")
    if_already_true: IfAlreadyTrue = "wait"
    expires_at: Time | None = None
    note: Note | None = None
    channels: Channels = Field(default=["email", "in_app"])

    @property
    def rule(self) -> Rule:
        return Rule(**{name: getattr(self, name) for name in RULE_FIELDS})


class ChangeAlertRequest(RequestBody):
    """What is not sent stays as it is, but for what a new `alert_type` does not have."""

    alert_type: AlertType = Field(default_factory=unsent)
    threshold: DecimalString | None = None
    upper: DecimalString | None = None
    window: Window | None = None
    trail_percent: DecimalString | None = None
    period: Period | None = None
    currency: Currency = Field(default_factory=unsent)
    unit: Unit = Field(default_factory=unsent)
    karat: Karat = Field(default_factory=unsent)
    repeat: Repeat = Field(default_factory=unsent)
    cooldown_minutes: CooldownMinutes = Field(default_factory=unsent)
    hysteresis_percent: HysteresisPercent = Field(default_factory=unsent)
    if_already_true: IfAlreadyTrue = Field(default_factory=unsent)
    expires_at: Time | None = None
    note: Note | None = None
    channels: Channels = Field(default_factory=unsent)


class SnoozeRequest(RequestBody):
    """The alert waits for `until`, at most a year away, and is then set as if it were resumed."""

    until: Time


class LevelsView(View):
    """The levels that an alert waits at: `up` for a rise to it, `down` for a fall.

    They are prices of a troy ounce of fine gold in its currency, or percentages, as the series is.
    While the alert is `cooling`, they are those at which it is armed again.
    """

    series: str
    up: ComputedDecimalString | None
    down: ComputedDecimalString | None


class ReadingView(View):
    """How far the price is from what it is measured against, in percent, at the last tick.

    `reference` is that of the begin of the window, the peak or the mean, in the alert's currency,
    unit and karat. For `trailing`, `value` is how far the price is below it.
    """

    value: ComputedDecimalString
    reference: ComputedDecimalString
    slot: datetime


class AlertView(View):
    """An alert. `active` says whether it can still trigger without anybody doing anything.

    `armed` waits for its condition. `cooling` has triggered, and is armed again when its cooldown
    is over and the price has left the level. `snoozed` waits for `due_at`, `paused` to be resumed.
    `triggered` and `expired` are over.

    `version` counts the edits of the rule. `due_at` is when a snooze or a cooldown ends. `levels`
    are null while the alert waits for no tick; `reading` is null then, too, and for conditions
    that are about the price itself.
    """

    id: UUID
    alert_type: AlertType
    threshold: DecimalString | None
    upper: DecimalString | None
    window: Window | None
    trail_percent: DecimalString | None
    period: int | None
    currency: Currency
    unit: Unit
    karat: Karat
    repeat: Repeat
    cooldown_minutes: int
    hysteresis_percent: DecimalString
    if_already_true: IfAlreadyTrue
    expires_at: datetime | None
    note: str | None
    channels: list[Channel]
    version: int
    state: State
    active: bool
    due_at: datetime | None
    levels: LevelsView | None
    reading: ReadingView | None
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
    `price_before`: the tick's price of a troy ounce, times `grams`, times `karat` / 24, divided by
    `grams_per_troy_ounce`, and rounded to 12 decimal places. `value_before` and `value` are those
    of what the alert watches: the price of a troy ounce of fine gold, or a percentage off
    `reference`. `price_before` and `value_before` are null when there was no move: the condition
    held already. A tick that is not known, or not kept any more, is null, as is what needs it.
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


class BacktestRequest(CreateAlertRequest):
    """An alert, and how many days ago it is to be set."""

    days: Annotated[int, Field(strict=True, ge=1, le=365)]


class BacktestTrigger(View):
    """A trigger that would have been.

    `price`, `threshold` and `reference` are in the alert's own currency, unit and karat.
    `threshold` is the price that was reached: as entered, or what a percentage or mean came to.
    `value` is how far the price was from `reference`, in percent; both are null for conditions
    that are about the price itself. `direction` is null without a move: it held already.
    """

    slot: datetime
    sequence: int
    direction: Direction | None
    price: ComputedDecimalString
    threshold: ComputedDecimalString
    value: ComputedDecimalString | None
    reference: ComputedDecimalString | None


class SuppressedView(View):
    """How often the condition became true without a trigger: the price had not left the level by
    the hysteresis since the last one, or its cooldown was not over.
    """

    hysteresis: int
    cooldown: int


class BacktestWarning(View):
    """What to know before the alert is set."""

    code: Literal["expires_too_soon", "refused_now", "waits_now", "no_history", "short_history"]
    detail: str


class BacktestView(View):
    """What an alert would have done, had it been set at `since`.

    `triggers` are the last 1,000 of `count`. `ticks` is how many prices were looked at.
    `already_true` says whether the condition held at `since`: an alert that is to be refused then
    waits here. `never_fires` says that the alert, set now, expires before it can trigger.
    """

    since: datetime
    until: datetime
    ticks: int
    count: int
    triggers: list[BacktestTrigger]
    suppressed: SuppressedView
    already_true: bool
    never_fires: bool
    warnings: list[BacktestWarning]
