"""R1: the real adapters and the rules together, over real sockets, from the table to the event."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import cycle
from urllib.parse import quote

import pytest
from sqlalchemy import text

from goldalert.cache.client import RedisDatabase
from price_service.gateways.adapters import ADAPTERS
from price_service.gateways.keys import SourceKey, SourceKeys
from price_service.gateways.outgoing import OutgoingHttp
from price_service.gateways.rates import ExchangeRates
from price_service.gateways.sources import Market
from price_service.use_cases import ticks
from tests.support.failures import on_the_wire
from tests.support.market_day import NOON, SLOT
from tests.support.price_sources import (
    COINBASE,
    FRANKFURTER,
    GOLD_API_COM,
    GOLDAPI_IO,
    KEY,
    KEYED,
    METALPRICEAPI,
    METALS_DEV,
    NO_KEYS,
    PATHS,
    SWISSQUOTE,
    NoCircuits,
    PriceSources,
    answer,
    exchange_at,
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


ANSWERS = {
    SWISSQUOTE: swissquote(4390, NOON),
    GOLD_API_COM: gold_api_com(4390.6),
    COINBASE: coinbase(4391),
}


@pytest.fixture
def served(prices) -> Iterator[PriceSources]:
    """The sources of the table, at the test's own server."""
    with serve_price_sources() as sources:
        with prices.engine.begin() as connection:
            connection.execute(text("UPDATE exchanges SET api_url = :url"), {"url": sources.url})
        http = OutgoingHttp(allow_loopback=True)
        prices.market = Market(http, prices.clock, NoCircuits(), NO_KEYS, seconds=5)
        prices.rates = ExchangeRates(http, prices.clock, NoCircuits(), seconds=5)
        for path, behaviour in ANSWERS.items():
            sources.behave(path, behaviour)
        sources.behave(FRANKFURTER, answer(shape("frankfurter.json")))
        yield sources


def fetch(prices, slot: datetime = NOON):
    prices.clock.time = slot
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

    assert (tick.state, tick.price) == ("fresh", Decimal("4390.6"))
    [event] = prices.published()
    assert len(event.data.prices) == 9


KEYS = {adapter: SourceKey(key=KEY, minutes_between_requests=0) for adapter in KEYED}


class TestWithKeys:
    @pytest.fixture
    def keyed(self, prices, served) -> PriceSources:
        prices.market = Market(
            OutgoingHttp(allow_loopback=True),
            prices.clock,
            NoCircuits(),
            SourceKeys(lambda: KEYS, RedisDatabase("redis://127.0.0.1:1/2")),
            seconds=5,
        )
        for adapter in KEYED:
            exchange = exchange_at(served, adapter)
            with prices.engine.begin() as connection:
                connection.execute(
                    text("UPDATE exchanges SET api_url = :url WHERE adapter = :adapter"),
                    {"url": exchange.api_url, "adapter": adapter},
                )
        seconds = int(NOON.timestamp())
        spread = {"bid": "4389.9", "ask": "4390.7"}
        served.behave(
            GOLDAPI_IO,
            answer(
                {"metal": "XAU", "currency": "USD", "price": "4390.3", "timestamp": seconds}
                | spread
            ),
        )
        metals_dev = json.loads(shape("metals_dev.json"))
        metals_dev |= {"metals": {"gold": 4390.9}, "timestamps": {"metal": NOON.isoformat()}}
        served.behave(METALS_DEV, answer(metals_dev))
        metalpriceapi = json.loads(shape("metalpriceapi.json"))
        metalpriceapi |= {"timestamp": seconds, "rates": {"XAU": 0.00022776}}
        served.behave(METALPRICEAPI, answer(metalpriceapi))
        return served

    def test_six_sources_agree(self, prices, keyed) -> None:
        tick = fetch(prices)

        assert (tick.state, tick.counted, tick.agreeing) == ("fresh", 6, 6)
        # the middle of 4390.6 and 4390.587..., which is 1 / 0.00022776
        assert tick.price == (Decimal("4390.6") + Decimal("4390.586582367404")) / 2
        assert {v.source: (v.bid, v.ask) for v in tick.verdicts if v.bid is not None} == {
            "swissquote": (Decimal("4389.8"), Decimal("4390.2")),
            "goldapi.io": (Decimal("4389.9"), Decimal("4390.7")),
        }

    def test_two_bad_ones_of_six_are_outvoted(self, prices, keyed) -> None:
        keyed.behave(GOLD_API_COM, gold_api_com(4447.7))
        keyed.behave(COINBASE, coinbase(4447.9))

        tick = fetch(prices)

        assert (tick.state, tick.counted, tick.agreeing) == ("fresh", 6, 4)
        assert 4390 <= tick.price <= 4391

    @pytest.mark.parametrize(
        "failure", [answer(KEY, status=403), answer(f"<html>{KEY}"), answer({"status": KEY})]
    )
    def test_no_key_is_stored_or_published(self, prices, keyed, failure) -> None:
        """S16."""
        for path in (GOLDAPI_IO, METALS_DEV, METALPRICEAPI):
            keyed.behave(path, failure)

        assert fetch(prices).counted == 3

        assert any(quote(KEY, safe="") in path for path in keyed.requests)
        assert any(KEY in headers.values() for headers in keyed.headers)
        for table in ("prices", "exchanges", "outbox", "source_health", "price_history"):
            assert KEY not in str(prices.rows(f"SELECT * FROM {table}")), table


OF_THE_OTHER_TWO = {
    SWISSQUOTE: Decimal("4390.8"),
    GOLD_API_COM: Decimal("4390.5"),
    COINBASE: Decimal("4390.3"),
}


FAILURES = [
    # all of them by each source: `test_every_failure.py`; here, with a database, they take turns
    *zip(cycle(ANSWERS), (failure.behaviour for failure in on_the_wire(b"{}" * 99)), strict=False),
    (GOLD_API_COM, answer('{"symbol": "XAU", "currency": "USD", "price": NaN}')),
    (GOLD_API_COM, answer({"symbol": "XAU", "currency": "EUR", "price": 3762.44})),
    (GOLD_API_COM, gold_api_com(4390600)),
    (COINBASE, coinbase(0)),
]


@pytest.mark.parametrize(("failing", "failure"), FAILURES)
def test_whatever_one_source_does_the_others_make_the_price(
    prices, served, failing, failure, monkeypatch
) -> None:
    served.behave(failing, failure)
    # the others have all the time that they may need on a busy machine
    adapter = next(name for name, path in PATHS.items() if path == failing)
    monkeypatch.setitem(ADAPTERS, adapter, replace(ADAPTERS[adapter], seconds=0.5))

    tick = fetch(prices)

    assert (tick.state, tick.price) == ("reduced", OF_THE_OTHER_TWO[failing])
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
