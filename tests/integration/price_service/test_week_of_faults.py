"""R1, R2, R3: a week in which, most of the time, one source of three is wrong.

The real adapters over real sockets, the rules, and a real database.
"""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from price_service.domain.market import session_opened
from price_service.domain.model import Tick
from price_service.gateways.outgoing import OutgoingHttp
from price_service.gateways.sources import Market
from price_service.use_cases import ticks
from tests.support.market_day import SLOT
from tests.support.market_week import FAULTS, SLOTS, START, Slot, market_week
from tests.support.price_sources import NO_KEYS, NoCircuits, serve_price_sources

SEED = 4

SECONDS = 5.0
SECONDS_OF_SLOW_SLOTS = 0.25
"""What the sources have to answer in, where one of them never does: honest ones may be too late."""


def fetch(prices, market: Market, at: datetime) -> Tick:
    prices.clock.time = at + timedelta(seconds=2)
    stored = ticks.fetch_tick(
        prices.unit_of_work,
        prices.clock,
        market,
        prices.rates,
        None,
        prices.cache,
        prices.slept.append,
        slot=at,
        slot_length=SLOT,
    )
    return stored.tick


def is_bad(tick: Tick, slot: Slot, last: Decimal | None) -> bool:
    """Say whether a price is one that no honest source vouches for."""
    if not tick.may_trigger:
        return tick.price != last
    return not min(slot.honest) <= tick.price <= max(slot.honest)


def is_wrongly_held(tick: Tick, slot: Slot) -> bool:
    """Two honest sources are enough, unless they are too late or gold opens far from its close."""
    is_open = session_opened(slot.at) is not None
    return is_open and not (tick.may_trigger or slot.is_slow or slot.jumped)


@pytest.fixture
def week(prices) -> list[tuple[Slot, Tick]]:
    http = OutgoingHttp(allow_loopback=True)
    # without circuits: those know the time of day only, in which this week takes a minute
    market = Market(http, prices.clock, NoCircuits(), NO_KEYS, seconds=SECONDS)
    hurried = Market(http, prices.clock, NoCircuits(), NO_KEYS, seconds=SECONDS_OF_SLOW_SLOTS)
    with serve_price_sources() as sources:
        with prices.engine.begin() as connection:
            connection.execute(text("UPDATE exchanges SET api_url = :url"), {"url": sources.url})
        made = []
        for slot in market_week(SEED):
            sources.behaviours = slot.behaviours
            made.append((slot, fetch(prices, hurried if slot.is_slow else market, slot.at)))
    return made


def test_no_bad_price_is_published_and_no_slot_is_missed(prices, week) -> None:
    assert {slot.fault for slot, _ in week} == {"", *FAULTS}

    lasts = [None, *(tick.price for _, tick in week)]
    assert [
        (slot, tick)
        for (slot, tick), last in zip(week, lasts, strict=False)
        if is_bad(tick, slot, last)
    ] == []
    assert [(slot, tick) for slot, tick in week if is_wrongly_held(tick, slot)] == []

    slots = [START + number * SLOT for number in range(SLOTS)]
    stored = prices.rows("SELECT sequence, timestamp FROM prices ORDER BY sequence")
    assert stored == list(enumerate(slots, start=1))
    assert [event.data.tick.slot for event in prices.published()] == slots
