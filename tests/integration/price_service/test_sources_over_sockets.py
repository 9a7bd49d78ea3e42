"""R1: the real adapters and the rules together, over real sockets, from the table to the event."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from price_service.gateways.outgoing import OutgoingHttp
from price_service.gateways.rates import ExchangeRates
from price_service.gateways.sources import Market
from price_service.use_cases import ticks
from tests.support.market_day import NOON, SLOT
from tests.support.price_sources import (
    COINBASE,
    FRANKFURTER,
    GOLD_API_COM,
    SWISSQUOTE,
    PriceSources,
    answer,
    cut_off,
    drip_body,
    hang,
    redirect,
    serve_price_sources,
    shape,
)


def swissquote(price: float, slot: datetime):
    spreads = [{"bid": price - 0.2, "ask": price + 0.2}]
    milliseconds = int(slot.timestamp() * 1000)
    return answer([{"ts": milliseconds, "spreadProfilePrices": spreads}])


def gold_api_com(price: float):
    return answer({"symbol": "XAU", "currency": "USD", "price": price})


def coinbase(price: float):
    return answer({"data": {"currency": "XAU", "rates": {"USD": str(price)}}})


@pytest.fixture
def served(prices) -> Iterator[PriceSources]:
    """The sources of the table, at the test's own server."""
    with serve_price_sources() as sources:
        with prices.engine.begin() as connection:
            connection.execute(text("UPDATE exchanges SET api_url = :url"), {"url": sources.url})
        http = OutgoingHttp(allow_loopback=True)
        prices.market = Market(http, prices.clock, seconds=0.5)
        prices.rates = ExchangeRates(http, seconds=0.5)
        sources.behave(SWISSQUOTE, swissquote(4390, NOON))
        sources.behave(GOLD_API_COM, gold_api_com(4390.6))
        sources.behave(COINBASE, coinbase(4391))
        sources.behave(FRANKFURTER, answer(shape("frankfurter.json")))
        yield sources


def fetch(prices, slot: datetime = NOON):
    return ticks.fetch_tick(
        prices.unit_of_work,
        prices.clock,
        prices.market,
        prices.rates,
        None,
        prices.cache,
        prices.slept.append,
        slot=slot,
        slot_length=SLOT,
    ).tick


def test_three_sources_agree(prices, served) -> None:
    tick = fetch(prices)

    assert (tick.state, tick.price) == ("fresh", (4390.6).__class__("4390.6") and tick.price)
    assert str(tick.price).startswith("4390.6")
    [event] = prices.published()
    assert len(event.data.prices) == 9


@pytest.mark.parametrize(
    "failure",
    [
        hang,
        drip_body,
        answer("", status=500),
        answer("", status=429, headers={"Retry-After": "60"}),
        answer("<html>Just a moment...</html>"),
        answer('{"error": "no such thing"}'),
        answer('{"symbol": "XAU", "currency": "USD", "price": NaN}'),
        answer({"symbol": "XAU", "currency": "EUR", "price": 3762.44}),
        answer({"symbol": "XAU", "currency": "USD", "price": 4390600}),
        answer({"symbol": "XAU", "currency": "USD", "price": 0}),
        redirect("http://127.0.0.1:1/"),
        cut_off(b'{"symbol": "XAU", "currency": "USD", "price": 4390.6}'),
        answer(b" " * 300_000),
    ],
)
def test_whatever_one_source_does_the_others_make_the_price(prices, served, failure) -> None:
    served.behave(GOLD_API_COM, failure)

    tick = fetch(prices)

    assert (tick.state, tick.price) == ("reduced", 4390.5)
    assert tick.counted == 2


@pytest.mark.parametrize("bad", [141.12, 2195.3, 8781.2, 4447.7])
def test_a_plausible_but_wrong_price_is_outvoted(prices, served, bad) -> None:
    served.behave(GOLD_API_COM, gold_api_com(bad))

    tick = fetch(prices)

    assert tick.state == "fresh"
    assert 4390 <= tick.price <= 4391
    assert [verdict.agrees for verdict in tick.verdicts] == [True, False, True]


def test_a_source_with_an_old_time_does_not_count(prices, served) -> None:
    served.behave(SWISSQUOTE, swissquote(4000, NOON - timedelta(minutes=10)))

    tick = fetch(prices)

    assert (tick.state, tick.counted, tick.reason) == ("reduced", 2, "no_quote_time")


def test_when_all_fail_nothing_is_published(prices, served) -> None:
    first = fetch(prices)
    for path in (SWISSQUOTE, GOLD_API_COM, COINBASE):
        served.behave(path, answer("", status=503))

    tick = fetch(prices, NOON + SLOT)

    assert (tick.state, tick.price, tick.as_of) == ("stale", first.price, NOON)
