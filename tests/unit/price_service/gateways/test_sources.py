"""R1: the adapters against the shapes of the real sources, and against what they should not be."""

import json
import time
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from price_service.domain.model import Exchange, Quote, Reason, Refusal
from price_service.gateways.outgoing import OutgoingHttp
from price_service.gateways.sources import ADAPTERS, HttpPriceSource, Market
from tests.support.price_sources import (
    COINBASE,
    GOLD_API_COM,
    SWISSQUOTE,
    PriceSources,
    answer,
    cut_off,
    hang,
    shape,
)

RECEIVED = datetime(2026, 8, 18, 13, 30, tzinfo=UTC)
PATHS = {"gold_api_com": GOLD_API_COM, "swissquote": SWISSQUOTE, "coinbase": COINBASE}


class StandingClock:
    def now(self) -> datetime:
        return RECEIVED


def exchange(sources: PriceSources, adapter: str, **changes) -> Exchange:
    fields = {
        "id": UUID(int=1),
        "name": adapter,
        "region": "world",
        "api_url": sources.url,
        "adapter": adapter,
        "upstream": f"{adapter} upstream",
        "priority": 1,
        "enabled": True,
    }
    return Exchange(**fields | changes)


def fetch(sources: PriceSources, adapter: str, *, seconds: float = 5):
    http = OutgoingHttp(allow_loopback=True)
    source = HttpPriceSource(exchange(sources, adapter), http, StandingClock())
    return source.fetch(time.monotonic() + seconds)


@pytest.mark.parametrize(
    ("adapter", "price", "quoted_at"),
    [
        ("gold_api_com", "4165.200195", None),
        # the newest venue's narrowest spread: (4389.179 + 4389.581) / 2
        ("swissquote", "4389.38", datetime(2026, 8, 18, 13, 29, 41, 75_000, tzinfo=UTC)),
        ("coinbase", "4390.215", None),
    ],
)
def test_the_real_shape_is_read(sources, adapter, price, quoted_at) -> None:
    sources.behave(PATHS[adapter], answer(shape(f"{adapter}.json")))

    assert fetch(sources, adapter) == Quote(
        source=adapter,
        group=f"{adapter} upstream",
        price=Decimal(price),
        currency="USD",
        quoted_at=quoted_at,
        received_at=RECEIVED,
    )


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"[{}]",
        b"4390.5",
        b'"4390.5"',
        b"<html><body>Just a moment...</body></html>",
        b'{"error": "quota exceeded"}',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"data": {"currency": "XAU", "rates": {"USD": ' + b"9" * 5000 + b"}}}",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_not_the_shape_is_refused(sources, adapter, body) -> None:
    sources.behave(PATHS[adapter], answer(body))

    refused = fetch(sources, adapter)

    assert isinstance(refused, Refusal)
    assert refused.reason is Reason.MALFORMED
    assert len(refused.detail) <= 200


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_shape_that_is_cut_off_is_refused(sources, adapter) -> None:
    body = shape(f"{adapter}.json")
    sources.behave(PATHS[adapter], answer(body[: len(body) // 2]))
    assert fetch(sources, adapter).reason is Reason.MALFORMED

    sources.behave(PATHS[adapter], cut_off(body))
    assert fetch(sources, adapter).reason is Reason.UNREACHABLE


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_source_that_hangs_is_refused_in_time(sources, adapter) -> None:
    sources.behave(PATHS[adapter], hang)

    assert fetch(sources, adapter, seconds=0.3).reason is Reason.TIMED_OUT


@pytest.mark.parametrize(
    "price", ["NaN", "Infinity", "-Infinity", "true", '"NaN"', '"1e3x"', "1e400"]
)
def test_a_price_that_is_no_number_is_refused(sources, price) -> None:
    for adapter, body in [
        ("gold_api_com", '{"symbol": "XAU", "currency": "USD", "price": %s}'),
        ("coinbase", '{"data": {"currency": "XAU", "rates": {"USD": %s}}}'),
        (
            "swissquote",
            '[{"ts": 1787059781075, "spreadProfilePrices": [{"bid": %s, "ask": 4390}]}]',
        ),
    ]:
        sources.behave(PATHS[adapter], answer(body % price))

        assert fetch(sources, adapter).reason is Reason.MALFORMED


@pytest.mark.parametrize("price", [0, -4390, 4390000])
def test_a_price_that_gold_cannot_have_is_left_to_the_rules(sources, price) -> None:
    sources.behave(GOLD_API_COM, answer({"symbol": "XAU", "currency": "USD", "price": price}))

    assert fetch(sources, "gold_api_com").price == price


def test_a_price_never_passes_through_a_float(sources) -> None:
    body = '{"symbol": "XAU", "currency": "USD", "price": 4389.1234567890123456}'
    sources.behave(GOLD_API_COM, answer(body))

    assert fetch(sources, "gold_api_com").price == Decimal("4389.123456789012")


def test_another_currency_is_passed_on_for_the_rules_to_refuse(sources) -> None:
    sources.behave(GOLD_API_COM, answer({"symbol": "XAU", "currency": "EUR", "price": 3762}))

    assert fetch(sources, "gold_api_com").currency == "EUR"


@pytest.mark.parametrize(
    ("adapter", "body"),
    [
        ("gold_api_com", {"symbol": "XAG", "currency": "USD", "price": 51}),
        ("coinbase", {"data": {"currency": "XAG", "rates": {"USD": "51"}}}),
        ("coinbase", {"data": {"currency": "XAU", "rates": {"EUR": "3762"}}}),
    ],
)
def test_another_metal_or_no_dollar_price_is_refused(sources, adapter, body) -> None:
    sources.behave(PATHS[adapter], answer(body))

    assert fetch(sources, adapter).reason is Reason.MALFORMED


class TestSwissquote:
    def venue(self, milliseconds: object, *spreads: tuple[float, float]) -> dict[str, object]:
        return {
            "ts": milliseconds,
            "spreadProfilePrices": [{"bid": bid, "ask": ask} for bid, ask in spreads],
        }

    def fetch(self, sources, *venues):
        sources.behave(SWISSQUOTE, answer(json.dumps(venues)))
        return fetch(sources, "swissquote")

    def test_takes_the_venue_that_quoted_last(self, sources) -> None:
        quote = self.fetch(sources, self.venue(1000, (4000, 4002)), self.venue(2000, (4390, 4392)))

        assert quote.price == 4391
        assert quote.quoted_at == datetime(1970, 1, 1, 0, 0, 2, tzinfo=UTC)

    def test_takes_the_narrowest_spread_that_makes_sense(self, sources) -> None:
        quote = self.fetch(sources, self.venue(1000, (4380, 4400), (4390, 4392), (4399, 4391)))

        assert quote.price == 4391

    @pytest.mark.parametrize("spreads", [[], [(4392, 4390)]])
    def test_without_such_a_spread_is_refused(self, sources, spreads) -> None:
        assert self.fetch(sources, self.venue(1000, *spreads)).reason is Reason.MALFORMED

    @pytest.mark.parametrize("milliseconds", [None, 0, -1, 10**14, 10**400, "soon", 1.5])
    def test_without_a_time_is_refused(self, sources, milliseconds) -> None:
        refused = self.fetch(sources, self.venue(milliseconds, (4390, 4392)))

        assert refused.reason is Reason.MALFORMED


class TestMarket:
    def test_asks_all_sources_at_once_and_keeps_their_order(self, sources) -> None:
        for adapter, path in PATHS.items():
            sources.behave(path, answer(shape(f"{adapter}.json")))
        sources.behave(SWISSQUOTE, hang)
        market = Market(OutgoingHttp(allow_loopback=True), StandingClock(), seconds=0.5)
        started = time.monotonic()

        answers = market.ask([exchange(sources, adapter) for adapter in ADAPTERS])

        assert time.monotonic() - started < 1.5
        assert [answer.source for answer in answers] == list(ADAPTERS)
        assert [type(answer) for answer in answers] == [Quote, Refusal, Quote]

    def test_without_sources_has_no_answers(self) -> None:
        assert Market(OutgoingHttp(), StandingClock(), seconds=1).ask([]) == []
