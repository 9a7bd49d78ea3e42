"""Asks the price sources, all at once, and makes a quote or a refusal of what each of them does."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from goldalert.clock import Clock
from goldalert.units import PLACES
from price_service.domain.model import Answer, Exchange, Quote, Reason, Refusal
from price_service.gateways.adapters import ADAPTERS, Reading, parse_json, summary
from price_service.gateways.outgoing import OutgoingHttp, RefusedError

if TYPE_CHECKING:
    from price_service.gateways.circuits import Circuits
    from price_service.gateways.keys import SourceKey, SourceKeys

ENOUGH_QUOTES = 2
"""Fewer make no price."""


class HttpPriceSource:
    """A price source behind HTTP.

    Args:
        exchange: the source.
        http: what it is asked with.
        clock: says when a quote was received.
        key: its key, if it wants one.
        keys: is told when the key is used.
        circuits: what it is asked through; without, it is asked whatever happened before.
    """

    def __init__(
        self,
        exchange: Exchange,
        http: OutgoingHttp,
        clock: Clock,
        *,
        key: "SourceKey | None" = None,
        keys: "SourceKeys | None" = None,
        circuits: "Circuits | None" = None,
    ) -> None:
        self._exchange = exchange
        self._adapter = ADAPTERS[exchange.adapter]
        self._http = http
        self._clock = clock
        self._key = key
        self._keys = keys
        self._circuits = circuits

    def fetch(self, deadline: float, *, anyway: bool = False) -> Answer:
        """Return the source's quote, or why there is none before the deadline (monotonic).

        Args:
            deadline: of all sources; a source's own may come before it.
            anyway: ask it though its circuit is open.
        """
        name, upstream = self._exchange.name, self._exchange.upstream
        ask = partial(self._ask, min(deadline, time.monotonic() + self._adapter.seconds))
        try:
            if self._circuits is None:
                reading = ask()
            elif anyway:
                reading = self._circuits.ask_anyway(name, ask)
            else:
                reading = self._circuits.ask(name, ask)
        except RefusedError as refused:
            return Refusal(name, upstream, refused.reason, self._without_key(refused.detail))
        return Quote(
            name,
            upstream,
            reading.price,
            reading.currency,
            reading.quoted_at,
            self._clock.now(),
            reading.bid,
            reading.ask,
        )

    def _ask(self, deadline: float) -> Reading:
        url, headers = self._request()
        if self._key is not None and self._keys is not None:
            self._keys.note_use(self._exchange.name, self._key)
        try:
            body = self._http.get(url, deadline, headers=headers)
            return _in_our_places(self._adapter.read(parse_json(body)))
        except RefusedError as refused:
            if self._key is not None and refused.status in {401, 403}:
                raise RefusedError(Reason.BAD_KEY, refused.detail) from refused
            raise
        except (ValueError, ArithmeticError, RecursionError) as error:
            raise RefusedError(Reason.MALFORMED, summary(error)) from error

    def _request(self) -> tuple[str, dict[str, str]]:
        """Return the URL to ask and the headers to send, with the key in one of them."""
        url, keyed = self._exchange.api_url + self._adapter.path, self._adapter.keyed
        if keyed is None or self._key is None:
            return url, {}
        host = urlsplit(url).hostname or ""
        if host != keyed.host and not (self._http.allow_loopback and _is_loopback(host)):
            raise RefusedError(Reason.FORBIDDEN_ADDRESS, f"its key is for {keyed.host} only")
        key = self._key.key.get_secret_value()
        if keyed.header:
            return url, {keyed.header: key}
        return f"{url}&{keyed.parameter}={quote(key, safe='')}", {}

    def _without_key(self, detail: str) -> str:
        """Take the key out of what a source may have sent back."""
        return detail.replace(self._key.key.get_secret_value(), "***") if self._key else detail


class Market:
    """Asks all sources at once.

    Args:
        http: what they are asked with.
        clock: says when a quote was received.
        seconds: how long they have, together.
        circuits: what they are asked through; without, all are asked whatever happened before.
        keys: of the sources that want one; without, these are not asked.
    """

    def __init__(
        self,
        http: OutgoingHttp,
        clock: Clock,
        *,
        seconds: float,
        circuits: "Circuits | None" = None,
        keys: "SourceKeys | None" = None,
    ) -> None:
        self._http = http
        self._clock = clock
        self._seconds = seconds
        self._circuits = circuits
        self._keys = keys

    def ask(self, exchanges: Sequence[Exchange]) -> list[Answer]:
        """Return what each price source among them answered, in their order.

        A source that wants a key and has none, or may not use it again yet, is not among them.
        """
        sources = self._sources(exchanges)
        answers = self._ask(sources)
        open_circuits = [
            number
            for number, answer in enumerate(answers)
            if isinstance(answer, Refusal) and answer.reason is Reason.CIRCUIT_OPEN
        ]
        if sum(isinstance(answer, Quote) for answer in answers) < ENOUGH_QUOTES:
            # no price without them: what failed may have been the network on our own side
            again = self._ask([sources[number] for number in open_circuits], anyway=True)
            for number, answer in zip(open_circuits, again, strict=True):
                answers[number] = answer
        return answers

    def _sources(self, exchanges: Sequence[Exchange]) -> list[HttpPriceSource]:
        priced = [exchange for exchange in exchanges if exchange.adapter in ADAPTERS]
        wants_key = any(ADAPTERS[exchange.adapter].keyed for exchange in priced)
        known = self._keys.current() if self._keys and wants_key else {}
        sources = []
        for exchange in priced:
            key = None
            if ADAPTERS[exchange.adapter].keyed:
                key = known.get(exchange.adapter)
                if key is None or not (self._keys and self._keys.is_due(exchange.name, key)):
                    continue
            sources.append(
                HttpPriceSource(
                    exchange,
                    self._http,
                    self._clock,
                    key=key,
                    keys=self._keys,
                    circuits=self._circuits,
                )
            )
        return sources

    def _ask(self, sources: Sequence[HttpPriceSource], *, anyway: bool = False) -> list[Answer]:
        if not sources:
            return []
        deadline = time.monotonic() + self._seconds
        with ThreadPoolExecutor(max_workers=len(sources)) as pool:
            return list(pool.map(lambda source: source.fetch(deadline, anyway=anyway), sources))


def _in_our_places(reading: Reading) -> Reading:
    return Reading(
        reading.price.quantize(PLACES),
        reading.currency,
        reading.quoted_at,
        None if reading.bid is None else reading.bid.quantize(PLACES),
        None if reading.ask is None else reading.ask.quantize(PLACES),
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
