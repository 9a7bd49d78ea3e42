"""R1: the adapters against the shapes of the real sources, and against what they should not be."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from price_service.domain.model import Quote, Reason, Refusal
from price_service.gateways.adapters import ADAPTERS
from tests.support.price_sources import (
    GOLD_API_COM,
    KEY,
    PATHS,
    RECEIVED,
    SWISSQUOTE,
    answer,
    fetch,
    shape,
)


@pytest.mark.parametrize(
    ("adapter", "price", "quoted_at", "bid", "ask"),
    [
        ("gold_api_com", "4165.200195", None, None, None),
        # the newest venue's narrowest spread: (4389.179 + 4389.581) / 2
        (
            "swissquote",
            "4389.38",
            datetime(2026, 8, 18, 13, 29, 41, 75_000, tzinfo=UTC),
            "4389.179",
            "4389.581",
        ),
        ("coinbase", "4390.215", None, None, None),
        (
            "goldapi_io",
            "4389.38",
            datetime(2026, 8, 18, 13, 29, 41, tzinfo=UTC),
            "4389.05",
            "4389.71",
        ),
        ("metals_dev", "4389.41", datetime(2026, 8, 18, 13, 29, tzinfo=UTC), None, None),
        # 1 / 0.000227823, to twelve places; its time is the end of the day before
        (
            "metalpriceapi",
            "4389.372451420620",
            datetime(2026, 8, 17, 23, 59, 59, tzinfo=UTC),
            None,
            None,
        ),
    ],
)
def test_the_real_shape_is_read(sources, adapter, price, quoted_at, bid, ask) -> None:
    sources.behave(PATHS[adapter], answer(shape(f"{adapter}.json")))

    assert fetch(sources, adapter) == Quote(
        source=adapter,
        upstream=f"{adapter} upstream",
        price=Decimal(price),
        currency="USD",
        quoted_at=quoted_at,
        received_at=RECEIVED,
        bid=bid and Decimal(bid),
        ask=ask and Decimal(ask),
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


def text_of(name: str) -> str:
    return shape(name).decode()


PRICES = {
    "gold_api_com": "4165.200195",
    "swissquote": "4389.581",
    "coinbase": '"4390.215"',
    "goldapi_io": "4389.38",
    "metals_dev": "4389.41",
    "metalpriceapi": "0.000227823",
}
"""As they stand in the shapes."""


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize(
    "price", ["NaN", "Infinity", "-Infinity", "true", '"NaN"', '"1e3x"', "1e400"]
)
def test_a_price_that_is_no_number_is_refused(sources, adapter, price) -> None:
    said = text_of(f"{adapter}.json")
    assert PRICES[adapter] in said
    sources.behave(PATHS[adapter], answer(said.replace(PRICES[adapter], price)))

    assert fetch(sources, adapter).reason is Reason.MALFORMED


@pytest.mark.parametrize("price", [0, -4390, 4390000])
def test_a_price_that_gold_cannot_have_is_left_to_the_rules(sources, price) -> None:
    sources.behave(GOLD_API_COM, answer({"symbol": "XAU", "currency": "USD", "price": price}))

    assert fetch(sources, "gold_api_com").price == price


def test_a_price_never_passes_through_a_float(sources) -> None:
    body = '{"symbol": "XAU", "currency": "USD", "price": 4389.1234567890123456}'
    sources.behave(GOLD_API_COM, answer(body))

    assert fetch(sources, "gold_api_com").price == Decimal("4389.123456789012")


@pytest.mark.parametrize("adapter", sorted(set(ADAPTERS) - {"swissquote", "coinbase"}))
def test_another_currency_is_passed_on_for_the_rules_to_refuse(sources, adapter) -> None:
    """The other two say none: the one has it in the path, the other one rates by currency."""
    sources.behave(PATHS[adapter], answer(text_of(f"{adapter}.json").replace('"USD"', '"EUR"')))

    assert fetch(sources, adapter).currency == "EUR"


@pytest.mark.parametrize("code", ["usd", "DOLLAR", "", None, 840])
def test_a_currency_that_is_no_code_is_refused(sources, code) -> None:
    sources.behave(GOLD_API_COM, answer({"symbol": "XAU", "currency": code, "price": 4390}))

    assert fetch(sources, "gold_api_com").reason is Reason.MALFORMED


@pytest.mark.parametrize(
    ("adapter", "body"),
    [
        ("gold_api_com", {"symbol": "XAG", "currency": "USD", "price": 51}),
        ("coinbase", {"data": {"currency": "XAG", "rates": {"USD": "51"}}}),
        ("coinbase", {"data": {"currency": "XAU", "rates": {"EUR": "3762"}}}),
        ("goldapi_io", json.loads(shape("goldapi_io.json")) | {"metal": "XAG", "price": 51}),
        ("metals_dev", json.loads(shape("metals_dev.json")) | {"metals": {"silver": 51.22}}),
        ("metals_dev", json.loads(shape("metals_dev.json")) | {"unit": "g"}),
        ("metalpriceapi", json.loads(shape("metalpriceapi.json")) | {"rates": {"XAG": 0.0195}}),
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

    @pytest.mark.parametrize(
        "spreads", [[], [(4392, 4390)], [(1, 7999)], [(-4390, 4390)], [(0, 0)], [(4350, 4394)]]
    )
    def test_without_such_a_spread_is_refused(self, sources, spreads) -> None:
        assert self.fetch(sources, self.venue(1000, *spreads)).reason is Reason.MALFORMED

    @pytest.mark.parametrize("milliseconds", [None, 0, -1, 10**14, 10**400, "soon", 1.5])
    def test_without_a_time_is_refused(self, sources, milliseconds) -> None:
        refused = self.fetch(sources, self.venue(milliseconds, (4390, 4392)))

        assert refused.reason is Reason.MALFORMED


def keyed_answer(sources, adapter: str, **changes: object):
    """What comes of an adapter's real answer with some of it changed."""
    body = text_of(f"{adapter}.json")
    for name, value in changes.items():
        before = json.dumps(json.loads(body)[name])
        assert f'"{name}":{before}' in body
        body = body.replace(f'"{name}":{before}', f'"{name}":{json.dumps(value)}', 1)
    sources.behave(PATHS[adapter], answer(body))
    return fetch(sources, adapter)


class TestGoldApiIo:
    def test_takes_numbers_that_are_strings(self, sources) -> None:
        quote = keyed_answer(sources, "goldapi_io", price="4389.38", timestamp="1787059781")

        assert quote.price == Decimal("4389.38")
        assert quote.quoted_at == datetime(2026, 8, 18, 13, 29, 41, tzinfo=UTC)

    @pytest.mark.parametrize(
        "spread",
        [
            {"bid": None},
            {"ask": None},
            {"bid": 4389.5},
            {"ask": 4389.2},
            {"bid": 4390},
            {"bid": 0},
            {"bid": -1},
            {"ask": 7999},
        ],
    )
    def test_leaves_a_spread_out_that_does_not_enclose_its_price(self, sources, spread) -> None:
        quote = keyed_answer(sources, "goldapi_io", **spread)

        assert (quote.price, quote.bid, quote.ask) == (Decimal("4389.38"), None, None)

    @pytest.mark.parametrize("seconds", [None, 0, -1, 10**11, 10**400, "soon", 1.5])
    def test_without_a_time_is_refused(self, sources, seconds) -> None:
        assert keyed_answer(sources, "goldapi_io", timestamp=seconds).reason is Reason.MALFORMED


class TestMetalsDev:
    @pytest.mark.parametrize(
        ("message", "reason"),
        [
            ("You have reached the monthly quota of your plan.", Reason.RATE_LIMITED),
            ("Rate LIMIT exceeded", Reason.RATE_LIMITED),
            ("The API key does not exist.", Reason.BAD_KEY),
            ("Something else", Reason.SOURCE_ERROR),
            (None, Reason.SOURCE_ERROR),
        ],
    )
    def test_says_with_a_200_that_it_gives_no_price(self, sources, message, reason) -> None:
        body = {"status": "failure", "error_code": 1203, "error_message": message}
        sources.behave(PATHS["metals_dev"], answer(body))

        refused = fetch(sources, "metals_dev")

        assert (refused.reason, refused.detail) == (reason, "error 1203")

    def test_says_so_even_where_it_has_a_price(self, sources) -> None:
        assert keyed_answer(sources, "metals_dev", status="failure").reason is Reason.SOURCE_ERROR

    @pytest.mark.parametrize("time", [None, "", "13:29", "2026-08-18T13:29:00", "soon"])
    def test_without_a_time_is_refused(self, sources, time) -> None:
        body = json.loads(shape("metals_dev.json")) | {"timestamps": {"metal": time}}
        sources.behave(PATHS["metals_dev"], answer(body))

        assert fetch(sources, "metals_dev").reason is Reason.MALFORMED

    def test_has_its_time_in_utc(self, sources) -> None:
        body = json.loads(shape("metals_dev.json"))
        body["timestamps"]["metal"] = "2026-08-18T15:29:00+02:00"
        sources.behave(PATHS["metals_dev"], answer(body))

        quoted_at = fetch(sources, "metals_dev").quoted_at

        assert quoted_at.isoformat() == "2026-08-18T13:29:00+00:00"


class TestMetalPriceApi:
    @pytest.mark.parametrize(
        ("error", "reason", "detail"),
        [
            ({"statusCode": 105, "message": "quota"}, Reason.RATE_LIMITED, "error 105"),
            ({"statusCode": 102, "message": f"no {KEY}"}, Reason.BAD_KEY, "error 102"),
            ({"statusCode": 404}, Reason.SOURCE_ERROR, "error 404"),
            (None, Reason.SOURCE_ERROR, "error None"),
        ],
    )
    def test_says_with_a_200_that_it_gives_no_price(self, sources, error, reason, detail) -> None:
        sources.behave(PATHS["metalpriceapi"], answer({"success": False, "error": error}))

        refused = fetch(sources, "metalpriceapi")

        assert (refused.reason, refused.detail) == (reason, detail)

    @pytest.mark.parametrize("rate", ["0", "-0.000227823", "1e-20"])
    def test_gold_that_costs_nothing_or_everything_is_refused(self, sources, rate) -> None:
        body = text_of("metalpriceapi.json").replace("0.000227823", rate)
        sources.behave(PATHS["metalpriceapi"], answer(body))

        assert fetch(sources, "metalpriceapi").reason is Reason.MALFORMED
