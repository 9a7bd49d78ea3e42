"""Exchange rates: Frankfurter, else the European Central Bank itself, whose rates it passes on."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Literal
from xml.parsers import expat

from pydantic import BaseModel

from goldalert.money import Currency, DecimalString, PositiveDecimalString, parse_decimal
from goldalert.observability.log import logger
from goldalert.units import PLACES
from price_service.domain.model import Exchange, Rate, Reason
from price_service.gateways.adapters import parse_json, summary
from price_service.gateways.outgoing import OutgoingHttp, RefusedError

if TYPE_CHECKING:
    from price_service.gateways.circuits import Circuits

QUOTED = [currency for currency in Currency if currency is not Currency.USD]


class _Frankfurter(BaseModel):
    amount: DecimalString
    base: Literal["USD"]
    date: date
    rates: dict[str, PositiveDecimalString]


def read_frankfurter(body: bytes) -> tuple[date, dict[str, Decimal]]:
    answer = _Frankfurter.model_validate(parse_json(body))
    if answer.amount != 1:
        raise ValueError("not the rates of one dollar")
    return answer.date, answer.rates


def read_ecb(body: bytes) -> tuple[date, dict[str, Decimal]]:
    """Read the ECB's table, which is per euro and leaves some currencies out."""
    table = _EcbTable()
    table.parse(body)
    per_euro = {"EUR": Decimal(1), **table.rates}
    if table.date is None or "USD" not in per_euro:
        raise ValueError("no date or no dollar")
    return table.date, {code: rate / per_euro["USD"] for code, rate in per_euro.items()}


class _EcbTable:
    """Collects the `Cube` elements. A document type is refused: it alone can define entities."""

    def __init__(self) -> None:
        self.date: date | None = None
        self.rates: dict[str, Decimal] = {}

    def parse(self, body: bytes) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.StartElementHandler = self._start
        try:
            parser.Parse(body, True)
        except expat.ExpatError as error:
            raise ValueError(f"no XML: {expat.ErrorString(error.code)}") from error

    def _refuse_doctype(self, *_: object) -> None:
        raise ValueError("a document type is not expected")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not name.endswith(" Cube"):
            return
        if "time" in attributes:
            self.date = date.fromisoformat(attributes["time"])
        if "currency" in attributes:
            rate = parse_decimal(attributes.get("rate"))
            if rate <= 0:
                raise ValueError("a rate is above zero")
            self.rates[attributes["currency"]] = rate


@dataclass(frozen=True, slots=True)
class RatesAdapter:
    """How a kind of source is asked and read. `read` raises ValueError on anything unexpected."""

    path: str
    read: Callable[[bytes], tuple[date, dict[str, Decimal]]]


RATES_ADAPTERS: Mapping[str, RatesAdapter] = {
    "frankfurter": RatesAdapter(
        f"/v1/latest?base=USD&symbols={','.join(QUOTED)}", read_frankfurter
    ),
    "ecb": RatesAdapter("/stats/eurofxref/eurofxref-daily.xml", read_ecb),
}


class ExchangeRates:
    """Asks for exchange rates, one source after the other until one answers.

    Args:
        http: what they are asked with.
        circuits: what they are asked through.
        seconds: how long they have, one after the other.
    """

    def __init__(self, http: OutgoingHttp, circuits: "Circuits", *, seconds: float) -> None:
        self._http = http
        self._circuits = circuits
        self._seconds = seconds

    def ask(self, exchanges: Sequence[Exchange]) -> list[Rate]:
        """Return the first source's rates of our currencies; none when no source answers."""
        for exchange in exchanges:
            adapter = RATES_ADAPTERS.get(exchange.adapter)
            if adapter is None:  # it is a source of prices
                continue
            ask = partial(self._ask, exchange, adapter)
            try:
                return self._circuits.ask(exchange.name, ask)
            except RefusedError as refused:
                logger.warning(
                    "no exchange rates",
                    extra={
                        "source": exchange.name,
                        "reason": refused.reason,
                        "detail": refused.detail,
                    },
                )
        return []

    def _ask(self, exchange: Exchange, adapter: RatesAdapter) -> list[Rate]:
        deadline = time.monotonic() + self._seconds
        body = self._http.get(exchange.api_url + adapter.path, deadline)
        try:
            as_of, per_usd = adapter.read(body)
            return [
                Rate(currency, per_usd[currency].quantize(PLACES), exchange.name, as_of)
                for currency in QUOTED
                if currency in per_usd
            ]
        except (ValueError, ArithmeticError, RecursionError) as error:
            raise RefusedError(Reason.MALFORMED, summary(error)) from error
