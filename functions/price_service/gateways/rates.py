"""Exchange rates, of Frankfurter and of the European Central Bank, whose rates it passes on."""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Literal
from xml.parsers import expat

from pydantic import BaseModel

from goldalert.clock import Clock
from goldalert.money import Currency, DecimalString, PositiveDecimalString, parse_decimal
from goldalert.observability.log import logger
from goldalert.units import PLACES
from price_service.domain.model import Exchange, Rate, Reason
from price_service.gateways.adapters import parse_json, summary
from price_service.gateways.outgoing import OutgoingHttp, RefusedError
from price_service.gateways.sources import log_unforeseen

if TYPE_CHECKING:
    from price_service.gateways.circuits import Circuits

QUOTED = [currency for currency in Currency if currency is not Currency.USD]

PEG = "peg"
_DIRHAMS = Decimal("3.6725")
"""Of one dollar, by decision of the Central Bank of the UAE since 1997."""

_AHEAD = timedelta(days=1)
_OLDEST = timedelta(days=14)
"""Rates come out on working days. A source that shows the same ones for weeks is broken."""


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
        except LookupError as error:
            raise ValueError("no encoding that we know") from error

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
    """Asks the sources of exchange rates, all at once.

    Args:
        http: what they are asked with.
        clock: says what is too old.
        circuits: what they are asked through.
        seconds: how long they have, together.
    """

    def __init__(
        self, http: OutgoingHttp, clock: Clock, circuits: "Circuits", *, seconds: float
    ) -> None:
        self._http = http
        self._clock = clock
        self._circuits = circuits
        self._seconds = seconds

    def ask(self, exchanges: Sequence[Exchange]) -> list[Rate]:
        """Return what each source says of our currencies, in their order; none if none answers.

        After all others the dirham's peg is said, which the ECB does not quote.
        """
        sources = [exchange for exchange in exchanges if exchange.adapter in RATES_ADAPTERS]
        if not sources:
            return []
        deadline = time.monotonic() + self._seconds
        with ThreadPoolExecutor(max_workers=len(sources)) as pool:
            answers = pool.map(partial(self._ask, deadline=deadline), sources)
            said = [rate for rates in answers for rate in rates]
        if said:
            said.append(Rate(Currency.AED, _DIRHAMS, PEG, self._clock.now().date()))
        return said

    def _ask(self, exchange: Exchange, deadline: float) -> list[Rate]:
        try:
            return self._circuits.ask(exchange.name, partial(self._fetch, exchange, deadline))
        except RefusedError as refused:
            logger.warning(
                "no exchange rates",
                extra={
                    "source": exchange.name,
                    "reason": refused.reason,
                    "detail": refused.detail,
                },
            )
        except Exception as error:  # whatever it is, the tick does not end for it (R1)
            log_unforeseen(exchange.name, error)
        return []

    def _fetch(self, exchange: Exchange, deadline: float) -> list[Rate]:
        adapter = RATES_ADAPTERS[exchange.adapter]
        body = self._http.get(exchange.api_url + adapter.path, deadline)
        try:
            as_of, per_usd = adapter.read(body)
            rates = [
                Rate(currency, per_usd[currency].quantize(PLACES), exchange.name, as_of)
                for currency in QUOTED
                if currency in per_usd
            ]
        except (ValueError, ArithmeticError, RecursionError) as error:
            raise RefusedError(Reason.MALFORMED, summary(error)) from error
        # the newest rate is the one that holds: one of the future would hold for ever
        age = self._clock.now().date() - as_of
        if age < -_AHEAD:
            raise RefusedError(Reason.FROM_THE_FUTURE, as_of.isoformat())
        if age > _OLDEST:
            raise RefusedError(Reason.TOO_OLD, as_of.isoformat())
        return rates
