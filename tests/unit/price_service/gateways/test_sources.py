"""Which sources are asked, with what, and how the market does without some of them."""

import logging
import time
from collections.abc import Mapping
from dataclasses import replace

import pytest

from goldalert.cache.client import RedisDatabase
from goldalert.errors import UnavailableError
from price_service.domain.model import Quote, Reason, Refusal
from price_service.gateways.adapters import ADAPTERS, Reading
from price_service.gateways.keys import SourceKey, SourceKeys, SourceKeysSecret
from price_service.gateways.outgoing import OutgoingHttp
from price_service.gateways.sources import HttpPriceSource, Market
from tests.support.price_sources import (
    GOLD_API_COM,
    KEY,
    KEYED,
    PATHS,
    SWISSQUOTE,
    NoCircuits,
    PriceSources,
    StandingClock,
    answer,
    exchange_at,
    fetch,
    hang,
    shape,
)

AT_ANY_TIME = SourceKey(key=KEY, minutes_between_requests=0)


def no_redis() -> RedisDatabase:
    return RedisDatabase("redis://127.0.0.1:1/2")


def market(keys: Mapping[str, SourceKey] | None = None, *, seconds: float = 5) -> Market:
    return Market(
        OutgoingHttp(allow_loopback=True),
        StandingClock(),
        NoCircuits(),
        SourceKeys(lambda: keys or {}, no_redis()),
        seconds=seconds,
    )


@pytest.fixture
def answering(sources: PriceSources) -> PriceSources:
    for adapter, path in PATHS.items():
        sources.behave(path, answer(shape(f"{adapter}.json")))
    return sources


def test_all_sources_are_asked_at_once_and_their_order_is_kept(answering) -> None:
    answering.behave(SWISSQUOTE, hang)
    started = time.monotonic()

    answers = market(dict.fromkeys(KEYED, AT_ANY_TIME), seconds=0.5).ask(
        [exchange_at(answering, adapter) for adapter in ADAPTERS]
    )

    assert time.monotonic() - started < 1.5
    assert [answer.source for answer in answers] == list(ADAPTERS)
    assert [type(answer) for answer in answers] == [Quote, Refusal, *[Quote] * 4]


def test_without_sources_there_are_no_answers() -> None:
    assert market().ask([]) == []


def test_a_source_has_a_time_of_its_own_within_that_of_all(answering, monkeypatch) -> None:
    impatient = replace(ADAPTERS["swissquote"], path="/hanging", seconds=0.3)
    monkeypatch.setitem(ADAPTERS, "swissquote", impatient)
    answering.behave("/hanging", hang)
    started = time.monotonic()

    [refused] = market(seconds=30).ask([exchange_at(answering, "swissquote")])

    assert refused.reason is Reason.TIMED_OUT
    assert time.monotonic() - started < 2


class TestUnforeseen:
    """R1: whatever happens on the way to one source, the others make the price."""

    @pytest.fixture
    def logged(self, monkeypatch) -> list[object]:
        lines: list[object] = []
        monkeypatch.setattr(
            "price_service.gateways.sources.logger.error", lambda *said, **more: lines.append(more)
        )
        return lines

    def test_is_the_failure_of_one_source(self, answering, monkeypatch, logged) -> None:
        def read(_: object) -> Reading:
            raise AttributeError("not foreseen")

        monkeypatch.setitem(ADAPTERS, "coinbase", replace(ADAPTERS["coinbase"], read=read))

        answers = market().ask([exchange_at(answering, a) for a in ("swissquote", "coinbase")])

        assert [type(answer) for answer in answers] == [Quote, Refusal]
        assert (answers[1].reason, answers[1].detail) == (Reason.SOURCE_ERROR, "AttributeError")
        assert "test_sources.py" in str(logged), "where it happened"

    def test_tells_no_key(self, answering, monkeypatch, logged) -> None:
        """S16."""

        def get(*_: object, **__: object) -> bytes:
            raise RuntimeError(KEY)

        monkeypatch.setattr(OutgoingHttp, "get", get)

        assert KEY not in repr(fetch(answering, "goldapi_io"))
        assert len(logged) == 1
        assert KEY not in str(logged)


class TestKey:
    @pytest.mark.parametrize("adapter", sorted(KEYED))
    @pytest.mark.parametrize("keys", [None, {}, {"coinbase": AT_ANY_TIME}])
    def test_without_one_a_source_that_wants_one_is_not_asked(
        self, answering, adapter, keys
    ) -> None:
        exchanges = [exchange_at(answering, adapter), exchange_at(answering, "coinbase")]

        answers = market(keys).ask(exchanges)

        assert [answer.source for answer in answers] == ["coinbase"]
        assert len(answering.requests) == 1

    @pytest.mark.parametrize(
        ("adapter", "request_line"),
        [
            ("goldapi_io", "/api/XAU/USD"),
            (
                "metals_dev",
                "/metals-dev/v1/latest?currency=USD&unit=toz&api_key=s3cret%2Fkey%2Bof%26a%3Dsource",
            ),
            (
                "metalpriceapi",
                "/metalpriceapi/v1/latest?base=USD&currencies=XAU"
                "&api_key=s3cret%2Fkey%2Bof%26a%3Dsource",
            ),
        ],
    )
    def test_goes_where_the_source_expects_it(self, answering, adapter, request_line) -> None:
        [quote] = market({adapter: AT_ANY_TIME}).ask([exchange_at(answering, adapter)])

        assert isinstance(quote, Quote)
        assert answering.requests == [request_line]
        in_header = answering.headers[0].get("x-access-token")
        assert in_header == (KEY if adapter == "goldapi_io" else None)

    @pytest.mark.parametrize("adapter", sorted(set(ADAPTERS) - KEYED))
    def test_goes_to_no_source_that_wants_none(self, answering, adapter) -> None:
        market({adapter: AT_ANY_TIME}).ask([exchange_at(answering, adapter)])

        assert KEY not in str(answering.headers)
        assert "key" not in answering.requests[0]

    @pytest.mark.parametrize("adapter", sorted(KEYED))
    @pytest.mark.parametrize(
        ("url", "is_local"),
        [
            ("https://prices.attacker.example", True),
            ("https://www.goldapi.io.attacker.example", True),
            ("https://127.0.0.1:1", False),
            ("https://localhost:1", False),
        ],
    )
    def test_goes_to_no_other_host_whatever_an_admin_enters(
        self, sources, adapter, url, is_local, monkeypatch
    ) -> None:
        """S12."""
        http = OutgoingHttp(allow_loopback=is_local)
        monkeypatch.setattr(http, "get", lambda *_, **__: pytest.fail("it was asked"))
        exchange = exchange_at(sources, adapter, api_url=url)

        source = HttpPriceSource(exchange, http, StandingClock(), NoCircuits(), key=AT_ANY_TIME)

        assert source.fetch(time.monotonic() + 1).reason is Reason.FORBIDDEN_ADDRESS

    @pytest.mark.parametrize("adapter", sorted(KEYED))
    @pytest.mark.parametrize("status", [401, 403])
    def test_that_is_refused_is_called_bad(self, sources, adapter, status) -> None:
        sources.behave(PATHS[adapter], answer({"error": "Invalid API Key"}, status=status))

        refused = fetch(sources, adapter)

        assert (refused.reason, refused.detail) == (Reason.BAD_KEY, str(status))

    def test_is_not_to_blame_where_none_is_wanted(self, sources) -> None:
        sources.behave(GOLD_API_COM, answer("", status=403))

        assert fetch(sources, "gold_api_com").reason is Reason.BAD_STATUS

    @pytest.mark.parametrize("adapter", sorted(KEYED))
    @pytest.mark.parametrize(
        "behaviour",
        [
            answer(f"{KEY} is wrong", status=403),
            answer("", status=429, headers={"Retry-After": KEY}),
            answer(f"<html>{KEY}</html>"),
            answer({"status": "failure", "error_message": KEY, "error": {"statusCode": 1}}),
            answer({"metal": KEY, "status": KEY, "success": KEY, "currency": KEY, "base": KEY}),
            answer({"status": "success", "success": True, "currency": KEY, "base": KEY}),
            answer("", status=302, headers={"Location": f"https://x.example/{KEY}"}),
        ],
    )
    def test_is_in_no_answer_whatever_a_source_sends_back(
        self, sources, adapter, behaviour, caplog
    ) -> None:
        """S16."""
        caplog.set_level(logging.DEBUG)
        sources.behave(PATHS[adapter], behaviour)

        refused = fetch(sources, adapter)

        assert isinstance(refused, Refusal)
        assert KEY not in repr(refused)
        assert KEY not in caplog.text

    def test_is_taken_out_of_what_a_reader_quotes(self, answering, monkeypatch) -> None:
        """S16."""

        def read(_: object) -> Reading:
            raise ValueError(f"{KEY} is not what was expected")

        monkeypatch.setitem(ADAPTERS, "goldapi_io", replace(ADAPTERS["goldapi_io"], read=read))

        assert fetch(answering, "goldapi_io").detail == "*** is not what was expected"


class TestMarketWithoutKeys:
    @pytest.mark.parametrize(
        "error", [UnavailableError("away"), pytest.param(None, id="of another shape")]
    )
    def test_goes_on_with_the_sources_that_want_none(self, answering, error, monkeypatch) -> None:
        logged: list[object] = []
        monkeypatch.setattr(
            "price_service.gateways.keys.logger.error", lambda *args, **more: logged.append(more)
        )

        def read() -> Mapping[str, SourceKey]:
            if error:
                raise error
            return SourceKeysSecret.model_validate_json(f'{{"goldapi_io": ["{KEY}"]}}').root

        asked = Market(
            OutgoingHttp(allow_loopback=True),
            StandingClock(),
            NoCircuits(),
            SourceKeys(read, no_redis()),
            seconds=5,
        )

        answers = asked.ask([exchange_at(answering, adapter) for adapter in ADAPTERS])

        assert [answer.source for answer in answers] == ["gold_api_com", "swissquote", "coinbase"]
        assert len(logged) == 1
        assert KEY not in str(logged)

    def test_reads_no_secret_for_sources_that_want_none(self, answering) -> None:
        def read() -> Mapping[str, SourceKey]:
            raise AssertionError("it was read")

        asked = Market(
            OutgoingHttp(allow_loopback=True),
            StandingClock(),
            NoCircuits(),
            SourceKeys(read, no_redis()),
            seconds=5,
        )

        assert len(asked.ask([exchange_at(answering, "coinbase")])) == 1
