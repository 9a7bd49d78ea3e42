"""R1: each adapter against each way in which a third party can fail, over real sockets.

The adapter and the rules together say why an answer does not count. No database is needed.
"""

import json
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from price_service.domain.judging import judge
from price_service.domain.market import session_opened
from price_service.domain.model import Reason
from price_service.gateways import rates as rates_module
from price_service.gateways.adapters import ADAPTERS
from price_service.gateways.outgoing import MAX_BODY_BYTES, OutgoingHttp
from price_service.gateways.rates import RATES_ADAPTERS, ExchangeRates
from tests.support.price_sources import (
    ECB,
    FRANKFURTER,
    PATHS,
    Behaviour,
    NoCircuits,
    PriceSources,
    StandingClock,
    answer,
    cut_off,
    drip_body,
    drip_headers,
    exchange_at,
    fetch,
    hang,
    redirect,
    serve_price_sources,
    shape,
)
from tests.support.tls import write_certificate

PATIENCE = 0.3
RATES_PATHS = {"frankfurter": FRANKFURTER, "ecb": ECB}
SHAPES = {adapter: shape(f"{adapter}.json") for adapter in (*PATHS, "frankfurter")}
SHAPES["ecb"] = shape("ecb_daily.xml")

SLOT = datetime(2026, 8, 18, 13, 30, tzinfo=UTC)
"""When the shapes are from: their quotes are fresh then."""

LATER = SLOT + timedelta(minutes=10)


@dataclass(frozen=True)
class Failure:
    """How a third party fails, and what is to be made of it."""

    name: str
    behaviour: Behaviour
    reason: Reason
    slot: datetime = SLOT


def on_the_wire(body: bytes) -> list[Failure]:
    """What can happen to any of them; `body` is what it would have answered."""
    return [
        Failure("hang", hang, Reason.TIMED_OUT),
        Failure("slow headers", drip_headers, Reason.TIMED_OUT),
        Failure("slow body", drip_body, Reason.TIMED_OUT),
        Failure("500", answer(body, status=500), Reason.BAD_STATUS),
        Failure("502 page", answer("<html>Bad Gateway</html>", status=502), Reason.BAD_STATUS),
        Failure("503", answer(body, status=503), Reason.BAD_STATUS),
        Failure("404", answer(body, status=404), Reason.BAD_STATUS),
        Failure(
            "429", answer(body, status=429, headers={"Retry-After": "60"}), Reason.RATE_LIMITED
        ),
        Failure("HTML", answer("<html>Just a moment...</html>"), Reason.MALFORMED),
        Failure("empty", answer(""), Reason.MALFORMED),
        Failure("wrong JSON", answer('{"price": '), Reason.MALFORMED),
        Failure("another JSON", answer('{"x": [1, 2, 3]}'), Reason.MALFORMED),
        Failure("NaN", answer("NaN"), Reason.MALFORMED),
        Failure("error body", answer('{"error": "no such thing"}'), Reason.MALFORMED),
        Failure("truncated", answer(body[: len(body) // 2]), Reason.MALFORMED),
        Failure("cut off", cut_off(body), Reason.UNREACHABLE),
        Failure("hangs up", lambda handler: None, Reason.UNREACHABLE),
        Failure("endless", answer(b" " * (MAX_BODY_BYTES + 1)), Reason.TOO_LARGE),
        Failure("metadata", redirect("http://169.254.169.254/latest/meta-data"), Reason.REDIRECTED),
        Failure("private", redirect("https://10.0.0.1/"), Reason.REDIRECTED),
        Failure("to itself", redirect("/elsewhere"), Reason.REDIRECTED),
    ]


def changed(adapter: str, **changes: object) -> Behaviour:
    return answer(json.loads(SHAPES[adapter]) | changes)


def in_words(adapter: str) -> list[Failure]:
    """What only some of them can say."""
    said = SHAPES[adapter].decode()
    found = []
    if '"USD"' in said and adapter != "coinbase":
        in_euro = answer(said.replace('"USD"', '"EUR"'))
        found.append(Failure("wrong currency", in_euro, Reason.WRONG_CURRENCY))
    if adapter == "coinbase":
        no_dollar = answer(said.replace('"USD"', '"SEK"'))
        found.append(Failure("wrong currency", no_dollar, Reason.MALFORMED))
    if adapter in {"swissquote", "goldapi_io", "metals_dev", "metalpriceapi"}:
        found.append(Failure("stale time", answer(said), Reason.TOO_OLD, slot=LATER))
    if adapter in {"swissquote", "goldapi_io", "metals_dev"}:
        early = SLOT - timedelta(minutes=3)
        found.append(Failure("time ahead", answer(said), Reason.FROM_THE_FUTURE, slot=early))
    return found


def with_a_200() -> list[tuple[str, Failure]]:
    """The sources that call a failure a success."""
    return [
        (
            "metals_dev",
            Failure("error", changed("metals_dev", status="failure"), Reason.SOURCE_ERROR),
        ),
        (
            "metals_dev",
            Failure(
                "quota",
                answer({"status": "failure", "error_code": 1, "error_message": "Quota is used up"}),
                Reason.RATE_LIMITED,
            ),
        ),
        (
            "metals_dev",
            Failure(
                "bad key",
                answer({"status": "failure", "error_code": 2, "error_message": "Invalid key"}),
                Reason.BAD_KEY,
            ),
        ),
        *[
            (
                "metalpriceapi",
                Failure(
                    f"error {code}",
                    answer({"success": False, "error": {"statusCode": code}}),
                    reason,
                ),
            )
            for code, reason in [
                (102, Reason.BAD_KEY),
                (105, Reason.RATE_LIMITED),
                (999, Reason.SOURCE_ERROR),
            ]
        ],
        ("goldapi_io", Failure("bad key", answer("{}", status=403), Reason.BAD_KEY)),
    ]


PRICE_FAILURES = [
    (adapter, failure)
    for adapter in ADAPTERS
    for failure in (*on_the_wire(SHAPES[adapter]), *in_words(adapter))
] + with_a_200()
RATES_FAILURES = [
    (adapter, failure) for adapter in RATES_ADAPTERS for failure in on_the_wire(SHAPES[adapter])
]


def title(value: object) -> str:
    return value.name if isinstance(value, Failure) else str(value)


@pytest.fixture
def sources() -> Iterator[PriceSources]:
    with serve_price_sources() as serving:
        yield serving


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_source_that_does_not_fail_counts(sources, adapter) -> None:
    """Else the failures below would show nothing."""
    sources.behave(PATHS[adapter], answer(SHAPES[adapter]))
    # the last one has the end of a day as its time
    slot = SLOT if adapter != "metalpriceapi" else datetime(2026, 8, 18, tzinfo=UTC)

    [verdict] = judge([fetch(sources, adapter)], slot, session_opened(slot), [])

    assert verdict.reason is Reason.COUNTED


@pytest.mark.parametrize(("adapter", "failure"), PRICE_FAILURES, ids=title)
def test_a_source_that_fails_does_not_count_and_says_why(sources, adapter, failure) -> None:
    sources.behave(PATHS[adapter], failure.behaviour)
    slow = failure.reason is Reason.TIMED_OUT
    started = time.monotonic()

    got = fetch(sources, adapter, seconds=PATIENCE if slow else 5)

    assert time.monotonic() - started < 5
    [verdict] = judge([got], failure.slot, session_opened(failure.slot), [])
    assert verdict.reason is failure.reason
    assert {path.partition("?")[0] for path in sources.requests} == {PATHS[adapter]}


@pytest.mark.parametrize(("adapter", "failure"), RATES_FAILURES, ids=title)
def test_exchange_rates_come_from_nobody_who_fails(sources, adapter, failure, monkeypatch) -> None:
    sources.behave(RATES_PATHS[adapter], failure.behaviour)
    logged: list[dict[str, object]] = []
    monkeypatch.setattr(rates_module.logger, "warning", lambda _, extra: logged.append(extra))
    slow = failure.reason is Reason.TIMED_OUT
    http = OutgoingHttp(allow_loopback=True)

    asked = ExchangeRates(http, StandingClock(), NoCircuits(), seconds=PATIENCE if slow else 5)

    assert asked.ask([exchange_at(sources, adapter)]) == []
    assert [line["reason"] for line in logged] == [failure.reason]
    assert {path.partition("?")[0] for path in sources.requests} == {RATES_PATHS[adapter]}


class TestTls:
    @pytest.fixture
    def untrusted(self, tmp_path: Path) -> Iterator[PriceSources]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(write_certificate(tmp_path / "certificate.pem"))
        with serve_price_sources(context) as serving:
            yield serving

    @pytest.fixture
    def plain(self, sources: PriceSources) -> PriceSources:
        """Whoever is asked for TLS here answers without it."""
        sources.url = sources.url.replace("http:", "https:")
        return sources

    @pytest.mark.parametrize("adapter", ADAPTERS)
    @pytest.mark.parametrize("server", ["untrusted", "plain"])
    def test_a_source_that_cannot_prove_itself_is_told_nothing(
        self, adapter, server, request: pytest.FixtureRequest
    ) -> None:
        """S17."""
        serving: PriceSources = request.getfixturevalue(server)
        serving.behave(PATHS[adapter], answer(SHAPES[adapter]))

        refused = fetch(serving, adapter)

        assert refused.reason is Reason.UNREACHABLE
        assert serving.requests == []

    @pytest.mark.parametrize("adapter", RATES_ADAPTERS)
    def test_neither_is_one_of_exchange_rates(self, untrusted, adapter) -> None:
        """S17."""
        untrusted.behave(RATES_PATHS[adapter], answer(SHAPES[adapter]))

        rates = ExchangeRates(
            OutgoingHttp(allow_loopback=True), StandingClock(), NoCircuits(), seconds=5
        )

        assert rates.ask([exchange_at(untrusted, adapter)]) == []
        assert untrusted.requests == []


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("url", ["https://10.0.0.1", "https://[::1]", "http://93.184.215.14"])
def test_a_source_at_no_public_address_is_not_asked(sources, adapter, url) -> None:
    """S12. With a key, its host would be the wrong one, too."""
    sources.url = url

    refused = fetch(sources, adapter, http=OutgoingHttp())

    assert refused.reason is Reason.FORBIDDEN_ADDRESS
