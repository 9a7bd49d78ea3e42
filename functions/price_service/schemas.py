"""What clients send to the price service and get from it, and what it keeps in its cache."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from goldalert.events.prices import Origin, TickState
from goldalert.http.schemas import RequestBody, Text, View, unsent
from goldalert.money import Currency, DecimalString
from goldalert.units import Karat, Unit
from price_service.domain.analytics import Window
from price_service.domain.candles import Interval
from price_service.domain.health import HealthState
from price_service.domain.model import NOT_LIVE, Reason, StoredTick, TickReason


def _refuse_label(name: str) -> str:
    if name in NOT_LIVE:
        raise ValueError("is reserved for prices that are not live")
    return name


SourceName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,39}$"),
    AfterValidator(_refuse_label),
]
Region = Annotated[Text, StringConstraints(min_length=1, max_length=60)]
ApiUrl = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    Field(description="https and a host, such as https://api.gold-api.com; no path."),
]
Priority = Annotated[int, Field(ge=0, le=1000, strict=True)]
AdapterName = Literal[
    "gold_api_com",
    "swissquote",
    "coinbase",
    "goldapi_io",
    "metals_dev",
    "metalpriceapi",
    "frankfurter",
    "ecb",
]


class RateView(View):
    """How much of a currency one US dollar is worth, by whom, and of which day."""

    currency: Currency
    per_usd: DecimalString
    source: str
    as_of: date


class CurrentPrice(View):
    """The price that stands. `origin` is `live`, or says that it is not a real one of now.

    `bid` and `ask` are there where sources say what they buy and sell for, and enclose the price.
    """

    tick_id: UUID
    sequence: int
    price: DecimalString
    bid: DecimalString | None
    ask: DecimalString | None
    currency: Currency
    unit: Unit
    karat: Karat
    as_of: AwareDatetime
    status: TickState
    reason: TickReason
    origin: Origin
    sources: list[str]
    counted: int
    agreeing: int
    spread_bps: int
    change_24h: DecimalString | None
    exchange_rate: RateView | None


class HistoryItem(View):
    """A price that was set at `timestamp`; `interval` 1mo is the average of that month."""

    id: UUID
    timestamp: AwareDatetime
    price: DecimalString
    currency: Currency
    unit: Unit
    karat: Karat
    source: str
    interval: str


ShownPrice = Annotated[str, WithJsonSchema({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"})]
"""A decimal string that is text already: an answer may hold thousands."""


class CandleView(View):
    """The first, highest, lowest and last price of an interval that begins at `start`.

    `ticks` says how many prices it is made of, `origin` whether one of them was not a real one.
    """

    start: AwareDatetime
    open: ShownPrice
    high: ShownPrice
    low: ShownPrice
    close: ShownPrice
    ticks: int
    origin: Origin


class QuoteView(View):
    """What one source said, and what was made of it."""

    source: str
    upstream: str
    reason: Reason
    agrees: bool
    price: DecimalString | None
    bid: DecimalString | None
    ask: DecimalString | None
    currency: str | None
    quoted_at: AwareDatetime | None
    received_at: AwareDatetime | None
    detail: str


class TickView(View):
    """One tick and its provenance. Prices are in USD per troy ounce of pure gold."""

    id: UUID
    sequence: int
    slot: AwareDatetime
    state: TickState
    reason: TickReason
    origin: Origin
    price: DecimalString | None
    as_of: AwareDatetime | None
    candidate: DecimalString | None
    counted: int
    agreeing: int
    spread_bps: int
    quotes: list[QuoteView]
    exchange_rates: list[RateView]


class ExchangeView(View):
    """A source of prices or of exchange rates."""

    id: UUID
    name: str
    region: str
    api_url: str
    adapter: str
    upstream: str
    priority: int
    enabled: bool


class AddExchangeRequest(RequestBody):
    """A new source. Sources with one `upstream` share a vote.

    By default it is that of the sources with the same `adapter`, or the `name` when there are none.
    """

    name: SourceName
    region: Region
    api_url: ApiUrl
    adapter: AdapterName
    upstream: SourceName | None = None
    priority: Priority = 100
    enabled: bool = True


class ChangeExchangeRequest(RequestBody):
    """What is not sent stays as it is."""

    name: SourceName = Field(default_factory=unsent)
    region: Region = Field(default_factory=unsent)
    api_url: ApiUrl = Field(default_factory=unsent)
    adapter: AdapterName = Field(default_factory=unsent)
    upstream: SourceName = Field(default_factory=unsent)
    priority: Priority = Field(default_factory=unsent)
    enabled: bool = Field(default_factory=unsent)


class FetchView(View):
    """Whether a tick is being fetched. If not, `tick_id` is the one that `slot` has already."""

    slot: AwareDatetime
    started: bool
    tick_id: UUID | None


class AnalyticsView(View):
    """How the price moved in the time up to now, from `candles` candles of `interval`.

    `sma` and `ema` are its simple and its exponential moving average over the window, `volatility`
    the realized one in percent: a move of that size within such a time is nothing unusual. All are
    null when there is no candle. `origin` says whether one of the prices was not a real one.
    """

    window: Window
    currency: Currency
    unit: Unit
    karat: Karat
    interval: Interval
    since: AwareDatetime
    until: AwareDatetime
    candles: int
    origin: Origin | None = None
    open: DecimalString | None = None
    high: DecimalString | None = None
    low: DecimalString | None = None
    close: DecimalString | None = None
    change: DecimalString | None = None
    change_percent: DecimalString | None = None
    sma: DecimalString | None = None
    ema: DecimalString | None = None
    volatility: DecimalString | None = None


class SourceHealthView(View):
    """How a source of prices has done lately.

    `reason` is what was made of its last answer, `failures` how many in a row did not count. One in
    quarantine was far from the others more than once; its quotes count all the same.
    """

    name: str = Field(validation_alias="source")
    state: HealthState
    reason: Reason
    failures: int
    quarantined_since: AwareDatetime | None
    last_quote_at: AwareDatetime | None


class PriceStatus(View):
    """How the price is.

    `missed_slots` are those that are over without a tick, since the last one; `missed_slots_24h`
    adds those between the ticks of the last 24 hours. `next_slot` is when the next tick is due.
    """

    status: TickState
    reason: TickReason
    origin: Origin | None
    market_open: bool
    sequence: int
    last_slot: AwareDatetime | None
    as_of: AwareDatetime | None
    next_slot: AwareDatetime | None
    slot_seconds: int
    missed_slots: int
    missed_slots_24h: int
    sources: list[SourceHealthView]
    exchange_rates: list[RateView]


class Standing(BaseModel):
    """The last tick, and the one of a day before it; kept in the cache."""

    last: StoredTick | None
    day_before: StoredTick | None
