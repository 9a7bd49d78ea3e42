"""Facts about the price of gold, published by the price service on the topic `prices`."""

import operator
from datetime import date
from decimal import Decimal
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from goldalert.events.envelope import Event, EventData

TickState = Literal["fresh", "reduced", "held", "closed", "unknown", "stale"]
"""`fresh` and `reduced` may trigger alerts; the others keep the last price and trigger nothing."""

Origin = Literal["live", "replay", "simulator"]
"""Where a price comes from. Only `live` prices are real ones of now.

The less real, the later in the alphabet: what is made of several prices has the greatest of theirs,
in Python as in SQL. A new one must keep to that.
"""

MAY_TRIGGER: frozenset[TickState] = frozenset({"fresh", "reduced"})


class Tick(EventData):
    """One agreed price of one slot.

    Attributes:
        tick_id: the tick; `GET /price/ticks/{id}` explains it.
        sequence: 1, 2, 3, … without a gap, in the order in which the ticks were stored.
        slot: the schedule's time that the tick belongs to.
        state: how good the price is.
        origin: live, or a replay or simulation on a local machine.
        sources: names of the sources that counted.
        counted: how many sources counted.
        agreeing: how many of them agreed on the price.
        spread_bps: distance from the lowest to the highest counted price, in 1/100 of a percent.
        exchange_rates_as_of: the date of the exchange rates, where there are other currencies.
    """

    tick_id: UUID
    sequence: int
    slot: AwareDatetime
    state: TickState
    origin: Origin
    sources: list[str]
    counted: int
    agreeing: int
    spread_bps: Decimal | None = None
    exchange_rates_as_of: date | None = None


class PriceUpdatedData(EventData):
    """One tick with its prices.

    Attributes:
        tick: the facts of the tick.
        prices: price of one troy ounce of fine gold by ISO 4217 currency.
        rates: by currency, the units of it for one US dollar that its price was made with.
    """

    tick: Tick
    prices: dict[str, Decimal]
    rates: dict[str, Decimal] = Field(default_factory=dict, exclude_if=operator.not_)


class PriceUpdatedV1(Event[PriceUpdatedData]):
    """The price service stored a tick."""

    event_type: Literal["price_updated"] = "price_updated"
    event_version: Literal[1] = 1
