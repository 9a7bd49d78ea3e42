"""What clients of the price service get from it, and what it keeps in its cache."""

from datetime import date
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import AwareDatetime, BaseModel

from goldalert.events.prices import Origin, TickState
from goldalert.http.schemas import View
from goldalert.money import Currency, DecimalString
from goldalert.units import Karat, Unit
from price_service.domain.model import Reason, StoredTick, TickReason

From = Annotated[AwareDatetime | None, Query(alias="from", description="The earliest time.")]
To = Annotated[AwareDatetime | None, Query(alias="to", description="The time that is too late.")]


class RateView(View):
    """How much of a currency one US dollar is worth, by whom, and of which day."""

    currency: Currency
    per_usd: DecimalString
    source: str
    as_of: date


class CurrentPrice(View):
    """The price that stands. `origin` is `live`, or says that it is not a real one of now."""

    tick_id: UUID
    sequence: int
    price: DecimalString
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


class QuoteView(View):
    """What one source said, and what was made of it."""

    source: str
    group: str
    reason: Reason
    agrees: bool
    price: DecimalString | None
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


class PriceStatus(View):
    """How the price is. `missed_slots` are those that are over without a tick."""

    status: TickState
    reason: TickReason
    origin: Origin | None
    market_open: bool
    sequence: int
    last_slot: AwareDatetime | None
    as_of: AwareDatetime | None
    slot_seconds: int
    missed_slots: int
    exchange_rates: list[RateView]


class Standing(BaseModel):
    """The last tick, and the one of a day before it; kept in the cache."""

    last: StoredTick | None
    day_before: StoredTick | None
