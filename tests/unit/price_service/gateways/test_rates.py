from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from goldalert.money import Currency
from price_service.domain.model import Exchange, Rate
from price_service.gateways.outgoing import OutgoingHttp
from price_service.gateways.rates import ExchangeRates, read_ecb
from tests.support.price_sources import (
    ECB,
    FRANKFURTER,
    NoCircuits,
    PriceSources,
    answer,
    hang,
    shape,
)

AS_OF = date(2026, 8, 18)


def ask(sources: PriceSources) -> list[Rate]:
    exchanges = [
        Exchange(UUID(int=1), name, "Europe", sources.url, name, name, 1, enabled=True)
        for name in ("frankfurter", "ecb")
    ]
    http = OutgoingHttp(allow_loopback=True)
    return ExchangeRates(http, NoCircuits(), seconds=0.5).ask(exchanges)


def test_frankfurter_gives_all_our_currencies(sources) -> None:
    sources.behave(FRANKFURTER, answer(shape("frankfurter.json")))

    rates = ask(sources)

    assert {rate.currency for rate in rates} == set(Currency) - {Currency.USD}
    assert Rate(Currency.EUR, Decimal("0.85697"), "frankfurter", AS_OF) in rates
    assert sources.requests == ["/v1/latest?base=USD&symbols=EUR,GBP,CHF,JPY,INR,TRY,AED,CNY"]


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
def test_the_ecb_is_asked_when_frankfurter_fails(sources, behaviour) -> None:
    sources.behave(FRANKFURTER, behaviour)
    sources.behave(ECB, answer(shape("ecb_daily.xml")))

    rates = {rate.currency: rate for rate in ask(sources)}

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
