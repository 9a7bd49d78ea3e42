"""What a tick is made of: what the sources answered, what was made of it, and the price."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from uuid import UUID

from goldalert.events.prices import MAY_TRIGGER, Origin, TickState
from goldalert.money import Currency

MONTHLY_SOURCE = "worldbank-pinksheet"
"""What the monthly averages that are shipped are labelled with."""

NOT_LIVE = frozenset({"simulator", "replay", MONTHLY_SOURCE})
"""Labels of prices that are not live ones; no source may have such a name."""


class Reason(StrEnum):
    """Why a source's answer counts or does not."""

    COUNTED = "counted"
    # there is no quote
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    FORBIDDEN_ADDRESS = "forbidden_address"
    REDIRECTED = "redirected"
    RATE_LIMITED = "rate_limited"
    BAD_KEY = "bad_key"
    CIRCUIT_OPEN = "circuit_open"
    SOURCE_ERROR = "source_error"
    BAD_STATUS = "bad_status"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    # there is one, and it does not count
    WRONG_CURRENCY = "wrong_currency"
    OUT_OF_BOUNDS = "out_of_bounds"
    TOO_OLD = "too_old"
    FROM_THE_FUTURE = "from_the_future"
    FROM_BEFORE_OPENING = "from_before_opening"
    UNCHANGED = "unchanged"
    MARKET_CLOSED = "market_closed"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A source of prices or of exchange rates, as an admin can set it up.

    The row, its table and its routes are called exchange; whoever it stands for is a source.

    Attributes:
        api_url: where it is asked, up to the path, which its adapter knows.
        adapter: how it is asked and read, such as `swissquote`.
        upstream: whom it has its prices from; sources with the same one share a vote.
        priority: the order in which sources are asked and shown, lowest first.
    """

    id: UUID
    name: str
    region: str
    api_url: str
    adapter: str
    upstream: str
    priority: int
    enabled: bool


@dataclass(frozen=True, slots=True)
class Rate:
    """How much of a currency one US dollar is worth."""

    currency: Currency
    per_usd: Decimal
    source: str
    as_of: date


@dataclass(frozen=True, slots=True)
class Quote:
    """What one source says one troy ounce of pure gold costs.

    Attributes:
        source: the name of the source.
        upstream: whom the source has its prices from; sources with the same one share a vote.
        quoted_at: the quote's own time; None when the source has no trustworthy one.
        bid: what it buys for, where it says so.
        ask: what it sells for, where it says so.
    """

    source: str
    upstream: str
    price: Decimal
    currency: str
    quoted_at: datetime | None
    received_at: datetime
    bid: Decimal | None = None
    ask: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A source that was asked and gave no quote."""

    source: str
    upstream: str
    reason: Reason
    detail: str = ""


type Answer = Quote | Refusal


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was made of one source's answer. Kept with the tick, as its provenance."""

    source: str
    upstream: str
    reason: Reason
    price: Decimal | None = None
    currency: str | None = None
    quoted_at: datetime | None = None
    received_at: datetime | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None
    agrees: bool = False
    detail: str = ""

    @property
    def is_counted(self) -> bool:
        return self.reason is Reason.COUNTED

    @property
    def has_value(self) -> bool:
        """Whether it is a quote of gold in USD at all, whether it counts or not."""
        return self.price is not None and self.reason not in NO_VALUE


class TickReason(StrEnum):
    """Why a tick is in its state."""

    AGREED = "agreed"
    REPLAYED = "replayed"
    SIMULATED = "simulated"
    TWO_SOURCES = "two_sources"
    NO_QUOTE_TIME = "no_quote_time"
    JUMP_CONFIRMED = "jump_confirmed"
    JUMP_UNCONFIRMED = "jump_unconfirmed"
    ONE_SOURCE = "one_source"
    SPLIT = "split"
    QUOTES_FROZEN = "quotes_frozen"
    NO_QUOTES = "no_quotes"
    MARKET_CLOSED = "market_closed"


@dataclass(frozen=True)  # without slots: `values` is kept, since the rules look back on it often
class Tick:
    """The price of one slot, in USD per troy ounce of pure gold, and why it is that one.

    Attributes:
        slot: the schedule's own time, which everything is judged by.
        origin: where `price` comes from; anything but `live` is labelled wherever it is shown.
        price: the price that stands: the slot's own, or the last one; None before the first.
        as_of: the slot that `price` was agreed on in.
        candidate: what was agreed on but is held back, because it is far from the last price.
        counted: votes that were counted, one for each upstream.
        agreeing: those of them that are close to their median.
        spread_bps: from the lowest to the highest counted vote, in basis points of the median.
    """

    slot: datetime
    origin: Origin
    state: TickState
    reason: TickReason
    price: Decimal | None
    as_of: datetime | None
    candidate: Decimal | None = None
    counted: int = 0
    agreeing: int = 0
    spread_bps: int = 0
    verdicts: tuple[Verdict, ...] = ()

    @property
    def may_trigger(self) -> bool:
        """Whether alerts may be checked against the price."""
        return self.state in MAY_TRIGGER

    @property
    def sources(self) -> list[str]:
        """The names of the sources that counted."""
        return [verdict.source for verdict in self.verdicts if verdict.is_counted]

    @cached_property
    def values(self) -> Mapping[str, Decimal]:
        """What each source said, whether it counted or not."""
        return {
            verdict.source: verdict.price
            for verdict in self.verdicts
            if verdict.has_value and verdict.price is not None
        }


NO_VALUE = frozenset({Reason.WRONG_CURRENCY, Reason.OUT_OF_BOUNDS})
"""Quotes whose number is not a value of gold in USD, whatever else it is."""


@dataclass(frozen=True, slots=True)
class StoredTick:
    """A tick with what it is known by, and the exchange rates that hold for its price."""

    id: UUID
    sequence: int
    tick: Tick
    rates: tuple[Rate, ...]


@dataclass(frozen=True, slots=True)
class RecordedPrice:
    """One row of a recording: USD per troy ounce at a time."""

    slot: datetime
    price: Decimal


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A price that held from `changed_at` on, or was the average of the month that began then."""

    id: UUID
    changed_at: datetime
    price: Decimal
    source: str
    interval: str
