"""The price sources. An adapter is a path and a function that reads the answer, strictly."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from goldalert.money import DecimalString, PositiveDecimalString
from price_service.domain.model import Reason
from price_service.gateways.outgoing import RefusedError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_CurrencyCode = Annotated[str, Field(pattern="^[A-Z]{3}$")]
_Seconds = Annotated[int, Field(gt=0, lt=10**11)]
_Milliseconds = Annotated[int, Field(gt=0, lt=10**14)]


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says: a price per troy ounce, and its own time if that can be trusted."""

    price: Decimal
    currency: str
    quoted_at: datetime | None = None
    bid: Decimal | None = None
    ask: Decimal | None = None


class _GoldApiCom(BaseModel):
    symbol: Literal["XAU"]
    currency: _CurrencyCode
    price: DecimalString


def read_gold_api_com(answer: object) -> Reading:
    """Its `updatedAt` is the time of the answer and reads "now" on weekends too: it is no time."""
    parsed = _GoldApiCom.model_validate(answer)
    return Reading(parsed.price, parsed.currency)


_WIDEST_SPREAD = Decimal("1.01")
"""Ask by bid: far from what gold is bought and sold at, some tenths of a per mille; our choice. The
middle of a wider one is no price."""


def _is_spread(bid: Decimal, ask: Decimal) -> bool:
    return 0 < bid <= ask <= bid * _WIDEST_SPREAD


class _SpreadProfile(BaseModel):
    bid: DecimalString
    ask: DecimalString


class _Venue(BaseModel):
    profiles: Annotated[list[_SpreadProfile], Field(alias="spreadProfilePrices")]
    milliseconds: Annotated[_Milliseconds, Field(alias="ts")]


class _Swissquote(BaseModel):
    venues: Annotated[list[_Venue], Field(min_length=1)]


def read_swissquote(answer: object) -> Reading:
    """Take the venue that quoted last, and the middle of its narrowest spread."""
    venues = _Swissquote.model_validate({"venues": answer}).venues
    venue = max(venues, key=lambda venue: venue.milliseconds)
    spreads = [profile for profile in venue.profiles if _is_spread(profile.bid, profile.ask)]
    if not spreads:
        raise ValueError("no spread of the newest venue makes sense")
    narrowest = min(spreads, key=lambda profile: profile.ask - profile.bid)
    return Reading(
        (narrowest.bid + narrowest.ask) / 2,
        "USD",  # it is in the path, and nowhere in the answer
        _EPOCH + timedelta(milliseconds=venue.milliseconds),
        narrowest.bid,
        narrowest.ask,
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


class _GoldApiIo(BaseModel):
    metal: Literal["XAU"]
    currency: _CurrencyCode
    price: DecimalString
    bid: DecimalString | None = None
    ask: DecimalString | None = None
    seconds: Annotated[_Seconds, Field(alias="timestamp")]


def read_goldapi_io(answer: object) -> Reading:
    parsed = _GoldApiIo.model_validate(answer)
    bid, ask = parsed.bid, parsed.ask
    if bid is None or ask is None or not (_is_spread(bid, ask) and bid <= parsed.price <= ask):
        bid = ask = None  # the price votes, and can do so without them
    return Reading(
        parsed.price, parsed.currency, _EPOCH + timedelta(seconds=parsed.seconds), bid, ask
    )


class _MetalsDevMetals(BaseModel):
    gold: DecimalString


class _MetalsDevTimes(BaseModel):
    metal: AwareDatetime


class _MetalsDev(BaseModel):
    currency: _CurrencyCode
    unit: Literal["toz"]
    metals: _MetalsDevMetals
    timestamps: _MetalsDevTimes


class _MetalsDevOutcome(BaseModel):
    status: Annotated[str, Field(max_length=20)]
    error_code: int | None = None
    error_message: str | None = None


def read_metals_dev(answer: object) -> Reading:
    outcome = _MetalsDevOutcome.model_validate(answer)
    if outcome.status != "success":
        # what its codes mean is not written down anywhere; its words say what is wrong
        said = (outcome.error_message or "").lower()
        reason = Reason.SOURCE_ERROR
        if "quota" in said or "limit" in said:
            reason = Reason.RATE_LIMITED
        elif "key" in said:
            reason = Reason.BAD_KEY
        raise RefusedError(reason, f"error {outcome.error_code}")
    parsed = _MetalsDev.model_validate(answer)
    return Reading(parsed.metals.gold, parsed.currency, parsed.timestamps.metal.astimezone(UTC))


class _MetalPriceRates(BaseModel):
    gold_per_unit: Annotated[PositiveDecimalString, Field(alias="XAU")]


class _MetalPriceApi(BaseModel):
    base: _CurrencyCode
    rates: _MetalPriceRates
    seconds: Annotated[_Seconds, Field(alias="timestamp")]


class _MetalPriceError(BaseModel):
    code: Annotated[int, Field(alias="statusCode")]


class _MetalPriceOutcome(BaseModel):
    success: bool
    error: _MetalPriceError | None = None


_METAL_PRICE_REASONS = {102: Reason.BAD_KEY, 105: Reason.RATE_LIMITED}


def read_metalpriceapi(answer: object) -> Reading:
    """It says how much gold a dollar buys. Free plans get yesterday's, which its time tells."""
    outcome = _MetalPriceOutcome.model_validate(answer)
    if not outcome.success:
        code = outcome.error.code if outcome.error else None
        reason = _METAL_PRICE_REASONS.get(code or 0, Reason.SOURCE_ERROR)
        raise RefusedError(reason, f"error {code}")
    parsed = _MetalPriceApi.model_validate(answer)
    return Reading(
        1 / parsed.rates.gold_per_unit, parsed.base, _EPOCH + timedelta(seconds=parsed.seconds)
    )


@dataclass(frozen=True, slots=True)
class Keyed:
    """How a source is given its key.

    Attributes:
        host: the only one that the key is sent to, whatever an admin enters as the source's URL.
        header: that carries it; else a parameter does.
        parameter: of the query.
    """

    host: str
    header: str = ""
    parameter: str = ""


@dataclass(frozen=True, slots=True)
class Adapter:
    """How a kind of source is asked and read.

    Attributes:
        path: what to ask for.
        read: raises ValueError on anything unexpected, and RefusedError where the answer is that
            there is none.
        seconds: how long the source has.
        keyed: None for a source that wants no key.
    """

    path: str
    read: Callable[[object], Reading]
    seconds: float
    keyed: Keyed | None = None


# those with farms of servers answer within a second or not at all; the small ones take their time
ADAPTERS: Mapping[str, Adapter] = {
    "gold_api_com": Adapter("/price/XAU", read_gold_api_com, 5),
    "swissquote": Adapter("/public-quotes/bboquotes/instrument/XAU/USD", read_swissquote, 4),
    "coinbase": Adapter("/v2/exchange-rates?currency=XAU", read_coinbase, 4),
    "goldapi_io": Adapter(
        "/api/XAU/USD", read_goldapi_io, 5, Keyed("www.goldapi.io", header="x-access-token")
    ),
    "metals_dev": Adapter(
        "/v1/latest?currency=USD&unit=toz",
        read_metals_dev,
        5,
        Keyed("api.metals.dev", parameter="api_key"),
    ),
    "metalpriceapi": Adapter(
        "/v1/latest?base=USD&currencies=XAU",
        read_metalpriceapi,
        5,
        Keyed("api.metalpriceapi.com", parameter="api_key"),
    ),
}


def parse_json(body: bytes) -> Any:
    """Parse a third party's JSON; its numbers never pass through a float.

    Raises:
        ValueError: it is no JSON, or has a NaN or an infinity in it.
        RecursionError: it is nested too deep.
    """
    return json.loads(body, parse_float=Decimal, parse_constant=_refuse_constant)


def summary(error: Exception) -> str:
    """Say in one short line what was unexpected, without repeating the answer."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:200]
    return str(error)[:200] or type(error).__name__


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")
