import time
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import NoReturn
from uuid import UUID

import pytest

from goldalert.money import Currency
from price_service.domain.model import Exchange, Rate
from price_service.gateways.outgoing import OutgoingHttp
from price_service.gateways.rates import RATES_ADAPTERS, ExchangeRates, read_ecb
from tests.support.price_sources import (
    ECB,
    FRANKFURTER,
    NoCircuits,
    PriceSources,
    StandingClock,
    answer,
    hang,
    shape,
)

AS_OF = date(2026, 8, 18)


def ask(sources: PriceSources, *, seconds: float = 5) -> list[Rate]:
    exchanges = [
        Exchange(UUID(int=1), name, "Europe", sources.url, name, name, 1, enabled=True)
        for name in ("frankfurter", "ecb")
    ]
    http = OutgoingHttp(allow_loopback=True)
    return ExchangeRates(http, StandingClock(), NoCircuits(), seconds=seconds).ask(exchanges)


def by_source(rates: list[Rate]) -> dict[str, dict[Currency, Rate]]:
    found: dict[str, dict[Currency, Rate]] = {}
    for rate in rates:
        found.setdefault(rate.source, {})[rate.currency] = rate
    return found


def test_frankfurter_gives_all_our_currencies(sources) -> None:
    sources.behave(FRANKFURTER, answer(shape("frankfurter.json")))

    rates = by_source(ask(sources))["frankfurter"]

    assert set(rates) == set(Currency) - {Currency.USD}
    assert rates[Currency.EUR] == Rate(Currency.EUR, Decimal("0.85697"), "frankfurter", AS_OF)
    assert "/v1/latest?base=USD&symbols=EUR,GBP,CHF,JPY,INR,TRY,AED,CNY" in sources.requests


def test_both_are_asked_at_once_and_the_first_comes_first(sources) -> None:
    """So that a leap of one is not believed without the other."""
    sources.behave(FRANKFURTER, answer(shape("frankfurter.json")))
    sources.behave(ECB, answer(shape("ecb_daily.xml")))

    assert list(by_source(ask(sources))) == ["frankfurter", "ecb", "peg"]


@pytest.mark.parametrize("hanging", [(FRANKFURTER,), (FRANKFURTER, ECB)])
def test_all_of_them_have_one_deadline(sources, hanging) -> None:
    """R1: thirty that hang take no more of the tick's time than one."""
    for path in hanging:
        sources.behave(path, hang)
    started = time.monotonic()

    ask(sources, seconds=0.6)

    assert time.monotonic() - started < 1.1


@pytest.mark.parametrize("quotes_it", [True, False])
def test_the_dirham_has_its_peg_after_all_others(sources, quotes_it) -> None:
    if quotes_it:
        sources.behave(FRANKFURTER, answer(shape("frankfurter.json")))
    sources.behave(ECB, answer(shape("ecb_daily.xml")))

    dirhams = [rate for rate in ask(sources) if rate.currency is Currency.AED]

    assert dirhams[-1] == Rate(Currency.AED, Decimal("3.6725"), "peg", AS_OF)
    assert len(dirhams) == 1 + quotes_it


@pytest.mark.parametrize("as_of", ["2999-01-01", "2026-08-20", "2026-08-03", "2025-08-18"])
def test_rates_of_another_time_are_refused(sources, as_of) -> None:
    """The newest rate is the one that holds: one of the future would hold for ever."""
    body = shape("frankfurter.json").replace(b"2026-08-18", as_of.encode())
    assert as_of.encode() in body
    sources.behave(FRANKFURTER, answer(body))

    assert ask(sources) == []


@pytest.mark.parametrize("as_of", ["2026-08-19", "2026-08-04"])
def test_rates_may_be_of_another_zone_or_before_a_holiday(sources, as_of) -> None:
    sources.behave(
        FRANKFURTER, answer(shape("frankfurter.json").replace(b"2026-08-18", as_of.encode()))
    )

    assert {str(rate.as_of) for rate in ask(sources) if rate.source != "peg"} == {as_of}


def test_what_nobody_foresaw_is_the_failure_of_one(sources, monkeypatch) -> None:
    """R1."""

    def read(_: bytes) -> NoReturn:
        raise AttributeError

    broken = replace(RATES_ADAPTERS["frankfurter"], read=read)
    monkeypatch.setitem(RATES_ADAPTERS, "frankfurter", broken)
    sources.behave(FRANKFURTER, answer(shape("frankfurter.json")))
    sources.behave(ECB, answer(shape("ecb_daily.xml")))

    assert list(by_source(ask(sources))) == ["ecb", "peg"]


@pytest.mark.parametrize(
    "behaviour",
    [
        hang,
        answer("", status=500),
        answer("<html>"),
        answer('{"amount": 1, "base": "EUR", "date": "2026-08-18", "rates": {"GBP": 0.8}}'),
        answer('{"amount": 100, "base": "USD", "date": "2026-08-18", "rates": {"GBP": 74}}'),
        answer('{"amount": 1, "base": "USD", "date": "today", "rates": {"GBP": 0.74}}'),
        answer('{"amount": 1, "base": "USD", "date": "2026-08-18", "rates": {"GBP": 0}}'),
        answer('{"amount": 1, "base": "USD", "date": "2026-08-18", "rates": {"GBP": NaN}}'),
        answer('{"amount": 1, "base": "USD", "date": "2026-08-18", "rates": {"GBP": 1e40}}'),
    ],
)
def test_the_ecb_is_there_when_frankfurter_fails(sources, behaviour) -> None:
    sources.behave(FRANKFURTER, behaviour)
    sources.behave(ECB, answer(shape("ecb_daily.xml")))

    found = by_source(ask(sources, seconds=1 if behaviour is hang else 5))

    assert list(found) == ["ecb", "peg"]
    rates = found["ecb"]
    # EUR is the table's base, and the ECB has no dirham
    assert set(rates) == set(Currency) - {Currency.USD, Currency.AED}
    assert rates[Currency.EUR] == Rate(Currency.EUR, Decimal("0.856971462850"), "ecb", AS_OF)
    assert rates[Currency.JPY].per_usd == Decimal("147.630473905219")  # 172.27 / 1.1669


def test_without_a_source_there_are_no_rates(sources) -> None:
    assert ask(sources) == []


BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<x xmlns="y"><Cube time="2026-08-18"><Cube currency="USD" rate="1.1"/></Cube></x>"""
OUTSIDE = b"""<?xml version="1.0"?>
<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd">
<x xmlns="y"><Cube time="2026-08-18"><Cube currency="USD" rate="1.1"/></Cube></x>"""


def table(cubes: str) -> bytes:
    return f'<x xmlns="y"><Cube>{cubes}</Cube></x>'.encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"<x>",
        shape("ecb_daily.xml")[:-100],
        BOMB,
        OUTSIDE,
        BOMB.decode().encode("utf-16"),
        b'<?xml version="1.0" encoding="foo"?><x/>',
        table(""),
        table('<Cube currency="USD" rate="1.1"/>'),
        table('<Cube time="2026-08-18"/>'),
        table('<Cube time="18.8.2026"/><Cube currency="USD" rate="1.1"/>'),
        table('<Cube time="2026-08-18"/><Cube currency="USD" rate="0"/>'),
        table('<Cube time="2026-08-18"/><Cube currency="USD" rate="-1"/>'),
        table('<Cube time="2026-08-18"/><Cube currency="USD" rate="NaN"/>'),
        table('<Cube time="2026-08-18"/><Cube currency="USD"/>'),
    ],
    ids=lambda body: repr(body[:40]),
)
def test_a_table_that_is_not_as_expected_is_refused(body) -> None:
    with pytest.raises(ValueError):
        read_ecb(body)
