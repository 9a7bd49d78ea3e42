"""R1: each adapter against each way in which a third party can fail, over real sockets.

The adapter and the rules together say why an answer does not count.
"""

import json
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from price_service.domain.judging import judge
from price_service.domain.market import session_opened
from price_service.domain.model import Reason
from price_service.gateways import rates as rates_module
from price_service.gateways.adapters import ADAPTERS
from price_service.gateways.outgoing import OutgoingHttp
from price_service.gateways.rates import RATES_ADAPTERS, ExchangeRates
from tests.support.failures import SLOT, Failure, on_the_wire
from tests.support.price_sources import (
    ECB,
    FRANKFURTER,
    PATHS,
    Behaviour,
    NoCircuits,
    PriceSources,
    StandingClock,
    answer,
    exchange_at,
    fetch,
    serve_price_sources,
    shape,
)
from tests.support.tls import write_certificate

PATIENCE = 0.3
RATES_PATHS = {"frankfurter": FRANKFURTER, "ecb": ECB}
SHAPES = {adapter: shape(f"{adapter}.json") for adapter in (*PATHS, "frankfurter")}
SHAPES["ecb"] = shape("ecb_daily.xml")

LATER = SLOT + timedelta(minutes=10)


def changed(adapter: str, **changes: object) -> Behaviour:
    return answer(json.loads(SHAPES[adapter]) | changes)


SAYS_WHEN = {
    # its own time, and whether that is of now
    "gold_api_com": (False, False),
    "swissquote": (True, True),
    "coinbase": (False, False),
    "goldapi_io": (True, True),
    "metals_dev": (True, True),
    "metalpriceapi": (True, False),
}
"""By adapter; a new one fails here until it is known."""


def in_words(adapter: str) -> list[Failure]:
    """What only some of them can say."""
    said = SHAPES[adapter].decode()
    found = []
    if adapter == "coinbase":
        no_dollar = answer(said.replace('"USD"', '"SEK"'))
        found.append(Failure("wrong currency", no_dollar, Reason.MALFORMED))
    elif '"USD"' in said:
        in_euro = answer(said.replace('"USD"', '"EUR"'))
        found.append(Failure("wrong currency", in_euro, Reason.WRONG_CURRENCY))
    has_time, is_of_now = SAYS_WHEN[adapter]
    if has_time:
        found.append(Failure("stale time", answer(said), Reason.TOO_OLD, slot=LATER))
    if is_of_now:
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
