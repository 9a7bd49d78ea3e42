"""The price sources. An adapter is a path and a function that reads the answer, strictly."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError

from goldalert.clock import Clock
from goldalert.money import DecimalString
from goldalert.units import PLACES
from price_service.domain.model import Answer, Exchange, Quote, Reason, Refusal
from price_service.gateways.outgoing import OutgoingHttp, RefusedError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says: a price per troy ounce, and its own time if that can be trusted."""

    price: Decimal
    currency: str
    quoted_at: datetime | None = None


class _GoldApiCom(BaseModel):
    symbol: Literal["XAU"]
    currency: str
    price: DecimalString


def read_gold_api_com(answer: object) -> Reading:
    """Its `updatedAt` is the time of the answer and reads "now" on weekends too: it is no time."""
    parsed = _GoldApiCom.model_validate(answer)
    return Reading(parsed.price, parsed.currency)


class _SpreadProfile(BaseModel):
    bid: DecimalString
    ask: DecimalString


class _Venue(BaseModel):
    profiles: Annotated[list[_SpreadProfile], Field(alias="spreadProfilePrices")]
    milliseconds: Annotated[int, Field(alias="ts", gt=0, lt=10**14)]


class _Swissquote(BaseModel):
    venues: Annotated[list[_Venue], Field(min_length=1)]


def read_swissquote(answer: object) -> Reading:
    """Take the venue that quoted last, and the middle of its narrowest spread."""
    venues = _Swissquote.model_validate({"venues": answer}).venues
    venue = max(venues, key=lambda venue: venue.milliseconds)
    spreads = [profile for profile in venue.profiles if profile.bid <= profile.ask]
    if not spreads:
        raise ValueError("no spread of the newest venue makes sense")
    narrowest = min(spreads, key=lambda profile: profile.ask - profile.bid)
    return Reading(
        (narrowest.bid + narrowest.ask) / 2,
        "USD",  # it is in the path, and nowhere in the answer
        _EPOCH + timedelta(milliseconds=venue.milliseconds),
    )


class _CoinbaseRates(BaseModel):
    usd: Annotated[DecimalString, Field(alias="USD")]


class _CoinbaseData(BaseModel):
    currency: Literal["XAU"]
    rates: _CoinbaseRates


class _Coinbase(BaseModel):
    data: _CoinbaseData


def read_coinbase(answer: object) -> Reading:
    return Reading(_Coinbase.model_validate(answer).data.rates.usd, "USD")


@dataclass(frozen=True, slots=True)
class Adapter:
    """How a kind of source is asked and read. `read` raises ValueError on anything unexpected."""

    path: str
    read: Callable[[object], Reading]


ADAPTERS: Mapping[str, Adapter] = {
    "gold_api_com": Adapter("/price/XAU", read_gold_api_com),
    "swissquote": Adapter("/public-quotes/bboquotes/instrument/XAU/USD", read_swissquote),
    "coinbase": Adapter("/v2/exchange-rates?currency=XAU", read_coinbase),
}


class HttpPriceSource:
    """A price source behind HTTP."""

    def __init__(self, exchange: Exchange, http: OutgoingHttp, clock: Clock) -> None:
        self._exchange = exchange
        self._http = http
        self._clock = clock

    def fetch(self, deadline: float) -> Answer:
        """Return the source's quote, or why there is none before the deadline (monotonic)."""
        name, group = self._exchange.name, self._exchange.upstream
        adapter = ADAPTERS[self._exchange.adapter]
        try:
            body = self._http.get(self._exchange.api_url + adapter.path, deadline)
            reading = adapter.read(parse_json(body))
            price = reading.price.quantize(PLACES)
        except RefusedError as refused:
            return Refusal(name, group, refused.reason, refused.detail)
        except (ValueError, ArithmeticError, RecursionError) as error:
            return Refusal(name, group, Reason.MALFORMED, _summary(error))
        return Quote(name, group, price, reading.currency, reading.quoted_at, self._clock.now())


class Market:
    """Asks all sources at once.

    Args:
        http: what they are asked with.
        clock: says when a quote was received.
        seconds: how long they have, together.
    """

    def __init__(self, http: OutgoingHttp, clock: Clock, *, seconds: float) -> None:
        self._http = http
        self._clock = clock
        self._seconds = seconds

    def ask(self, exchanges: Sequence[Exchange]) -> list[Answer]:
        """Return what each price source among them answered, in their order."""
        exchanges = [exchange for exchange in exchanges if exchange.adapter in ADAPTERS]
        if not exchanges:
            return []
        sources = [HttpPriceSource(exchange, self._http, self._clock) for exchange in exchanges]
        deadline = time.monotonic() + self._seconds
        with ThreadPoolExecutor(max_workers=len(sources)) as pool:
            return list(pool.map(lambda source: source.fetch(deadline), sources))


def parse_json(body: bytes) -> Any:
    """Parse a third party's JSON; its numbers never pass through a float.

    Raises:
        ValueError: it is no JSON, or has a NaN or an infinity in it.
        RecursionError: it is nested too deep.
    """
    return json.loads(body, parse_float=Decimal, parse_constant=_refuse_constant)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _summary(error: Exception) -> str:
    """Say in one short line what was unexpected, without repeating the answer."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:200]
    return str(error)[:200] or type(error).__name__
