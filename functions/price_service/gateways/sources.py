"""Asks the price sources, all at once, and makes a quote or a refusal of what each of them does."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from traceback import format_tb
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from goldalert.clock import Clock
from goldalert.loopback import is_loopback
from goldalert.observability.log import logger
from goldalert.units import PLACES
from price_service.domain.market import session_opened
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
        circuits: what it is asked through.
        key: its key, if it wants one.
    """

    def __init__(
        self,
        exchange: Exchange,
        http: OutgoingHttp,
        clock: Clock,
        circuits: "Circuits",
        key: "SourceKey | None" = None,
    ) -> None:
        self._exchange = exchange
        self._adapter = ADAPTERS[exchange.adapter]
        self._http = http
        self._clock = clock
        self._circuits = circuits
        self._key = key

    def fetch(self, deadline: float, *, anyway: bool = False) -> Answer:
        """Return the source's quote, or why there is none before the deadline (monotonic).

        Args:
            deadline: of all sources; a source's own may come before it.
            anyway: ask it though its circuit is open.
        """
        name, upstream = self._exchange.name, self._exchange.upstream
        ask = partial(self._ask, min(deadline, time.monotonic() + self._adapter.seconds))
        ask_guarded = self._circuits.ask_anyway if anyway else self._circuits.ask
        try:
            reading = ask_guarded(name, ask)
        except RefusedError as refused:
            return Refusal(name, upstream, refused.reason, self._without_key(refused.detail))
        except Exception as error:  # whatever it is, the others must not lose the tick for it (R1)
            log_unforeseen(name, error)
            return Refusal(name, upstream, Reason.SOURCE_ERROR, type(error).__name__)
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
        if host != keyed.host and not (self._http.allow_loopback and is_loopback(host)):
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
        circuits: what they are asked through.
        keys: of the sources that want one.
        seconds: how long they have, together.
    """

    def __init__(
        self,
        http: OutgoingHttp,
        clock: Clock,
        circuits: "Circuits",
        keys: "SourceKeys",
        *,
        seconds: float,
    ) -> None:
        self._http = http
        self._clock = clock
        self._circuits = circuits
        self._keys = keys
        self._seconds = seconds

    def ask(self, exchanges: Sequence[Exchange]) -> list[Answer]:
        """Return what each price source among them answered, in their order.

        A source that wants a key and has none, or may not use it again yet, is not among them;
        nor is one whose requests are counted while the market is closed.
        """
        answers = self._ask(self._sources(exchanges))
        if sum(isinstance(answer, Quote) for answer in answers.values()) < ENOUGH_QUOTES:
            # no price without them: what failed may have been the network on our own side
            left_alone = [
                source
                for source, answer in answers.items()
                if isinstance(answer, Refusal) and answer.reason is Reason.CIRCUIT_OPEN
            ]
            answers |= self._ask(left_alone, anyway=True)
        return list(answers.values())

    def _sources(self, exchanges: Sequence[Exchange]) -> list[HttpPriceSource]:
        priced = [exchange for exchange in exchanges if exchange.adapter in ADAPTERS]
        wants_key = any(ADAPTERS[exchange.adapter].keyed for exchange in priced)
        known = self._keys.current() if wants_key else {}
        is_open = session_opened(self._clock.now()) is not None
        sources = []
        for exchange in priced:
            key = None
            if ADAPTERS[exchange.adapter].keyed:
                key = known.get(exchange.adapter)
                # what stands still is not worth a request of a plan that counts them
                if key is None or (key.is_counted and not is_open):
                    continue
                if not self._keys.take(exchange.name, key):
                    continue
            sources.append(HttpPriceSource(exchange, self._http, self._clock, self._circuits, key))
        return sources

    def _ask(
        self, sources: Sequence[HttpPriceSource], *, anyway: bool = False
    ) -> dict[HttpPriceSource, Answer]:
        if not sources:
            return {}
        deadline = time.monotonic() + self._seconds
        with ThreadPoolExecutor(max_workers=len(sources)) as pool:
            answers = pool.map(lambda source: source.fetch(deadline, anyway=anyway), sources)
            return dict(zip(sources, answers, strict=True))


def log_unforeseen(source: str, error: Exception) -> None:
    """Log what should not have happened, and where; what it says may have a key in it (S16)."""
    logger.error(
        "a source did something unforeseen",
        extra={
            "source": source,
            "error": type(error).__name__,
            "trace": format_tb(error.__traceback__),
        },
    )


def _in_our_places(reading: Reading) -> Reading:
    return Reading(
        reading.price.quantize(PLACES),
        reading.currency,
        reading.quoted_at,
        None if reading.bid is None else reading.bid.quantize(PLACES),
        None if reading.ask is None else reading.ask.quantize(PLACES),
    )
