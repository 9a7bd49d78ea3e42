"""A week of three honest sources, and of everything that can be wrong with one of them at a time.

All of it follows from a seed. What the sources say is said on the wire, in the words of each.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

from price_service.domain.market import session_opened
from tests.support.market_day import SLOT
from tests.support.price_sources import (
    COINBASE,
    GOLD_API_COM,
    SWISSQUOTE,
    Behaviour,
    answer,
    cut_off,
    drip_body,
    drip_headers,
    hang,
    redirect,
)

START = datetime(2026, 3, 4, tzinfo=UTC)
"""A Wednesday. The week has a weekend in it, and on it New York's clocks go forward."""

SLOTS = 2016
SOURCES = (SWISSQUOTE, GOLD_API_COM, COINBASE)

_STEP = 0.0006
"""Of five minutes, when a year has a volatility of 16 %."""

_NOISE = {SWISSQUOTE: 0.0001, GOLD_API_COM: 0.0002, COINBASE: 0.0003}
_WEEKEND_GAP = 0.018
_FAULTY_SLOTS = (1, 12)
_QUIET_SLOTS = (0, 4)


@dataclass(frozen=True)
class Said:
    """A price, and when its source says that it was one."""

    price: Decimal
    at: datetime


@dataclass(frozen=True)
class Slot:
    """What the sources do in one slot.

    Attributes:
        behaviours: of each source, by its path.
        honest: what those of them say that are not at fault.
        jumped: whether the true price is more than 1 % from the last slot's.
    """

    at: datetime
    behaviours: dict[str, Behaviour]
    honest: list[Decimal]
    jumped: bool
    faulty: str = ""
    fault: str = ""

    @property
    def is_slow(self) -> bool:
        return self.fault in SLOW


type Wrong = Callable[[list[Said], int], Said]
"""Makes a wrong quote of what the source would have said up to now, and for how many slots it has
been wrong."""


def _priced(change: Callable[[Decimal, int], Decimal]) -> Wrong:
    return lambda said, number: Said(change(said[-1].price, number), said[-1].at)


def _dated(late: timedelta) -> Wrong:
    return lambda said, _: Said(said[-1].price, said[-1].at + late)


WRONG_QUOTES: dict[str, Wrong] = {
    "thousandfold": _priced(lambda price, _: price * 1000),
    "half": _priced(lambda price, _: price / 2),
    "per gram": _priced(lambda price, _: price / Decimal("31.1034768")),
    "inverted": _priced(lambda price, _: 1 / price),
    "silver": _priced(lambda price, _: price / 85),
    "future contract": _priced(lambda price, _: price * Decimal("1.013")),
    "in euros": _priced(lambda price, _: price * Decimal("0.857")),
    "zero": _priced(lambda price, _: price * 0),
    "negative": _priced(lambda price, _: -price),
    "drifting up": _priced(lambda price, number: price * (1 + number * Decimal("0.001"))),
    "drifting down": _priced(lambda price, number: price * (1 - number * Decimal("0.001"))),
    "frozen": lambda said, number: said[-1 - min(number, len(said) - 1)],
    "an hour late": lambda said, _: said[-min(12, len(said))],
    "old": _dated(-timedelta(minutes=10)),
    "in the future": _dated(timedelta(minutes=10)),
}

SLOW: dict[str, Behaviour] = {
    "hangs": hang,
    "drips headers": drip_headers,
    "drips its body": drip_body,
}
BROKEN: dict[str, Behaviour] = {
    "500": answer("", status=500),
    "503": answer("down", status=503),
    "429": answer("", status=429, headers={"Retry-After": "60"}),
    "404": answer("", status=404),
    "HTML": answer("<html>Just a moment...</html>"),
    "error with 200": answer({"error": "limit reached", "success": False}),
    "empty": answer(""),
    "null": answer("null"),
    "NaN": answer(
        '{"symbol": "XAU", "currency": "USD", "price": NaN, '
        '"data": {"currency": "XAU", "rates": {"USD": NaN}}}'
    ),
    "other currency": answer(
        {
            "symbol": "XAU",
            "currency": "EUR",
            "price": 3762.44,
            "data": {"currency": "XAG", "rates": {"USD": "51.2"}},
        }
    ),
    "cut off": cut_off(b'{"symbol": "XAU", "currency": "USD", "price": 4390.6}'),
    "too large": answer(b" " * 300_000),
    "redirected": redirect("http://169.254.169.254/latest/meta-data"),
}

FAULTS = (*WRONG_QUOTES, *BROKEN, *SLOW)


def market_week(seed: int) -> Iterator[Slot]:
    """Yield the slots of the week, each with at most one source that is wrong."""
    random = Random(seed)  # noqa: S311 - made-up prices, not secrets
    said: dict[str, list[Said]] = {source: [] for source in SOURCES}
    faults = _episodes(random)
    for at, price in _true_prices(random):
        for source, quotes in said.items():
            quotes.append(_honest(source, quotes, price, at, random))
        faulty, fault, number = next(faults)
        behaviours = {source: word(source, quotes[-1]) for source, quotes in said.items()}
        if faulty:
            behaviours[faulty] = (
                word(faulty, WRONG_QUOTES[fault](said[faulty], number))
                if fault in WRONG_QUOTES
                else (SLOW | BROKEN)[fault]
            )
        honest = [quotes[-1].price for source, quotes in said.items() if source != faulty]
        yield Slot(at, behaviours, honest, _has_jumped(said), faulty, fault)


def word(source: str, said: Said) -> Behaviour:
    """Answer with a quote as the source would word it."""
    text = str(said.price)
    if source == GOLD_API_COM:
        # numbers go out as they are, never through a float
        return answer(f'{{"symbol": "XAU", "currency": "USD", "price": {text}}}')
    if source == COINBASE:
        return answer({"data": {"currency": "XAU", "rates": {"USD": text}}})
    milliseconds = int(said.at.timestamp() * 1000)
    spread = f'{{"spreadProfile": "prime", "bid": {text}, "ask": {text}}}'
    return answer(f'[{{"spreadProfilePrices": [{spread}], "ts": {milliseconds}}}]')


def _true_prices(random: Random) -> Iterator[tuple[datetime, Decimal | None]]:
    """Yield each slot and the price of gold in it; None while the market is closed."""
    price = 4390.0
    closed_slots = 0
    for number in range(SLOTS):
        at = START + number * SLOT
        if session_opened(at) is None:
            closed_slots += 1
            yield at, None
            continue
        if closed_slots * SLOT > timedelta(days=1):
            price *= 1 + _WEEKEND_GAP
        closed_slots = 0
        price *= 1 + random.gauss(0, _STEP)
        yield at, Decimal(price)


def _honest(
    source: str, quotes: list[Said], price: Decimal | None, at: datetime, random: Random
) -> Said:
    """Return what an honest source says; while the market is closed, its last quote."""
    if price is None:
        return quotes[-1]
    noise = Decimal(1 + random.gauss(0, _NOISE[source]))
    return Said((price * noise).quantize(Decimal("0.001")), at + timedelta(milliseconds=400))


def _has_jumped(said: dict[str, list[Said]]) -> bool:
    before = [quotes[-2:][0].price for quotes in said.values()]
    now = [quotes[-1].price for quotes in said.values()]
    return max(now) > min(before) * Decimal("1.01") or min(now) < max(before) * Decimal("0.99")


def _episodes(random: Random) -> Iterator[tuple[str, str, int]]:
    """Yield for each slot which source is wrong, how, and for how many slots already."""
    names = list(FAULTS)
    while True:
        for _ in range(random.randint(*_QUIET_SLOTS)):
            yield "", "", 0
        source, fault = random.choice(SOURCES), random.choice(names)
        # whoever waits for a slow source waits in earnest
        slots = 1 if fault in SLOW else random.randint(*_FAULTY_SLOTS)
        for number in range(slots):
            yield source, fault, number
