"""Markets with honest and bad sources, seeded, and what the rules of the price make of them.

`case_of(number)` is always the same case: some slots of a market, and what each source answers in
them. Fewer than half of the sources are bad: one of three or four, two of five or six. `examine`
plays it through `decide` and counts what must not happen.
"""

import math
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import combinations, product
from random import Random

from goldalert.units import PLACES
from price_service.domain.agreement import HISTORY_TICKS, decide
from price_service.domain.model import Answer, Quote, Reason, Refusal
from tests.support.market_day import SLOT

SECOND = timedelta(seconds=1)
NAMES = ("swissquote", "gold-api.com", "coinbase", "goldapi.io", "metals.dev", "metalpriceapi.com")

# --- what may be wrong with a source -------------------------------------------------------------

type Fault = Callable[[Quote, Sequence[Quote], int, Random], Answer]
"""Makes a bad answer of an honest one, the honest ones before it, the newest last, and their
number since the beginning."""


def times(factor: str) -> Fault:
    share = Decimal(factor)
    return lambda honest, *_: replace(honest, price=(honest.price * share).quantize(PLACES))


def says(price: str) -> Fault:
    value = Decimal(price)
    return lambda honest, *_: replace(honest, price=value)


def refuses(reason: Reason) -> Fault:
    return lambda honest, *_: Refusal(honest.source, honest.upstream, reason)


def inverted(honest: Quote, *_: object) -> Answer:
    return replace(honest, price=(1 / honest.price).quantize(PLACES))


def wrong_currency(honest: Quote, *_: object) -> Answer:
    return replace(honest, price=(honest.price * Decimal("0.86")).quantize(PLACES), currency="EUR")


def frozen(honest: Quote, past: Sequence[Quote], *_: object) -> Answer:
    """Says the first thing that it ever said, with the time of now where it says one."""
    return replace(honest, price=past[0].price) if past else honest


def stuck(honest: Quote, past: Sequence[Quote], *_: object) -> Answer:
    """Says the first thing that it ever said, with the time of then."""
    return past[0] if past else honest


def replayed(honest: Quote, past: Sequence[Quote], *_: object) -> Answer:
    """Says again what it said in an earlier slot, with the time of then."""
    return past[-2] if len(past) > 1 else honest


def lagging(honest: Quote, past: Sequence[Quote], *_: object) -> Answer:
    return replace(honest, price=past[-3].price) if len(past) > 2 else honest


def old(honest: Quote, past: Sequence[Quote], number: int, rng: Random) -> Answer:
    return _at(honest, -rng.randint(301, 100_000))


def future(honest: Quote, past: Sequence[Quote], number: int, rng: Random) -> Answer:
    return _at(honest, rng.randint(61, 100_000))


def _at(honest: Quote, seconds: int) -> Answer:
    when = honest.received_at + seconds * SECOND
    off = (honest.price * Decimal("1.002")).quantize(PLACES)
    return replace(honest, price=off, quoted_at=when)


def drifts(share: str) -> Fault:
    """Leaves the market by so much in each slot, and has done so for up to three hours."""

    def drift(honest: Quote, past: Sequence[Quote], number: int, rng: Random) -> Answer:
        slots = number % 37 + len(past)
        return replace(honest, price=(honest.price * Decimal(share) ** slots).quantize(PLACES))

    return drift


def wild(honest: Quote, past: Sequence[Quote], number: int, rng: Random) -> Answer:
    factor = Decimal(rng.randint(9_000, 11_000)).scaleb(-4)
    return replace(honest, price=(honest.price * factor).quantize(PLACES))


def biased(honest: Quote, past: Sequence[Quote], number: int, rng: Random) -> Answer:
    """Is off by the same in each slot, by up to 1 %: near enough to be believed, often."""
    factor = Decimal(9_900 + number * 7919 % 201).scaleb(-4)
    return replace(honest, price=(honest.price * factor).quantize(PLACES))


FAULTS: dict[str, Fault] = {
    "x1000": times("1000"),
    "half": times("0.5"),
    "per gram": times("0.0321507466"),
    "inverted": inverted,
    "silver": times("0.0117"),
    "futures": times("1.013"),
    "wrong currency": wrong_currency,
    "unlabelled euro": times("0.86"),
    "zero": says("0"),
    "negative": times("-1"),
    "NaN": says("NaN"),
    "infinity": says("Infinity"),
    "HTML": refuses(Reason.MALFORMED),
    "timed out": refuses(Reason.TIMED_OUT),
    "frozen": frozen,
    "stuck": stuck,
    "replayed": replayed,
    "lagging": lagging,
    "old": old,
    "future": future,
    "drifts up": drifts("1.001"),
    "drifts down": drifts("0.999"),
    "wild": wild,
    "biased": biased,
}

# --- how the market may be -----------------------------------------------------------------------


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@dataclass(frozen=True)
class Market:
    """Some slots of trading.

    Attributes:
        restless: the standard deviation of the price's step, as a share.
        moves: by what share the price moves in addition, by number of the slot.
        closes: when it closes after two slots, and when it opens again.
        stops: whether the quotes of all stop in the middle, as in a shortened session.
        misses: whether some slots are missed.
        starts_closed: whether the first slots that there are are those after the opening.
    """

    restless: float
    moves: dict[int, float] = field(default_factory=dict)
    closes: tuple[datetime, datetime] | None = None
    stops: bool = False
    misses: bool = False
    starts_closed: bool = False


def pause(closes: str, opens: str, **changes: bool) -> Market:
    return Market(0.0005, closes=(utc(closes), utc(opens)), **changes)


MARKETS = {
    "calm": Market(0.00003),
    "open": Market(0.0004),
    "restless": Market(0.0015),
    "rises by 4 %": Market(0.0004, {4: 0.04}),
    "falls by 4 %": Market(0.0004, {4: -0.04}),
    "rises by 8 %": Market(0.0004, {4: 0.08}),
    "falls by 8 %": Market(0.0004, {4: -0.08}),
    "8 % in an hour": Market(0.0004, dict.fromkeys(range(1, 13), 0.0065)),
    "missed slots": Market(0.0004, misses=True),
    "stops early": Market(0.0004, stops=True),
    "evening, summer": pause("2026-08-18 21:00", "2026-08-18 22:00"),
    "evening, winter": pause("2026-01-13 22:00", "2026-01-13 23:00"),
    "weekend, summer": pause("2026-08-21 21:00", "2026-08-23 22:00"),
    "weekend, winter": pause("2026-01-16 22:00", "2026-01-18 23:00"),
    "weekend, clocks go forward": pause("2026-03-06 22:00", "2026-03-08 22:00"),
    "weekend, clocks go back": pause("2026-10-30 21:00", "2026-11-01 23:00"),
    "Good Friday": pause("2026-04-02 21:00", "2026-04-05 22:00"),
    "Christmas": pause("2025-12-24 22:00", "2025-12-25 23:00"),
    "begins on a Sunday": pause("2026-08-21 21:00", "2026-08-23 22:00", starts_closed=True),
}

# --- cases ---------------------------------------------------------------------------------------

SPLIT, OUTAGE, NONE = "2-2 split", "outage", "none"
COMBINATIONS: list[tuple[str, str, int, tuple[int, ...]]] = [
    *product(FAULTS, MARKETS, (3, 4), [(position,) for position in range(3)]),
    *product(FAULTS, MARKETS, (4,), [(3,)]),
    *product(FAULTS, MARKETS, (5,), combinations(range(5), 2)),
    *product(FAULTS, MARKETS, (6,), combinations(range(6), 2)),
    *product((SPLIT,), MARKETS, (4,), combinations(range(4), 2)),
    *product((OUTAGE,), MARKETS, (4, 5, 6), [(position,) for position in range(3)]),
    *product((NONE,), MARKETS, (2, 3, 4, 5, 6), [()]),
]

Random(0).shuffle(COMBINATIONS)  # noqa: S311 - so that any run of cases is a sample of all


LEAP = 0.009  # with what the sources differ by it may be the 1 % of the rules


@dataclass(frozen=True)
class Moment:
    """A slot, and what is answered in it.

    Attributes:
        honest: what the honest sources say; none of them may be silent.
        is_open: whether gold is traded.
        must_price: whether the honest sources suffice for a price.
        leaps: whether the market has moved so far since the slot before that it may be asked to
            say so again.
    """

    slot: datetime
    answers: list[Answer]
    honest: list[Decimal]
    is_open: bool
    must_price: bool
    leaps: bool


@dataclass(frozen=True)
class Case:
    fault: str
    market: str
    sources: int
    bad: tuple[int, ...]
    moments: list[Moment]


def case_of(number: int) -> Case:
    fault, name, sources, bad = COMBINATIONS[number % len(COMBINATIONS)]
    market, rng = MARKETS[name], Random(number)  # noqa: S311 - reproducible, not secret
    slots = list(_slots(market, rng))
    timed = [True, *(rng.random() < 0.4 for _ in range(sources - 1))]
    if rng.random() < 0.3:
        rng.shuffle(timed)
    biases = [rng.gauss(0, 0.0002) for _ in range(sources)]
    good = [position for position in range(sources) if position not in bad]
    silent = rng.sample(good, sources - 3) if fault == OUTAGE else []
    makers = _makers(fault, bad, rng)
    far = Decimal(rng.choice([*range(880, 990), *range(1011, 1120)])).scaleb(-3)
    stops = rng.randint(2, 5) if market.stops else len(slots)
    sleepy = [number for number in good if rng.random() < 0.3] if rng.random() < 0.3 else []
    begins, flaps = rng.randint(0, 3), rng.random() < 0.3
    level = traded_at = rng.uniform(300, 8000)
    past: list[list[Quote]] = [[] for _ in range(sources)]
    honest: list[Quote] = []
    moments: list[Moment] = []
    for index, (slot, is_open) in enumerate(slots):
        level *= math.exp(rng.gauss(0, market.restless) + market.moves.get(index, 0))
        just_opened = index > 0 and is_open and not slots[index - 1][1]
        if just_opened:
            level *= math.exp(rng.gauss(0, 0.004))  # what happened while it was closed
        if not is_open and 3 < index < 12:  # the night is long, and nothing happens in it
            moments.append(replace(moments[-1], slot=slot))
            continue
        leaps = abs(level / traded_at - 1) > LEAP
        if is_open and index < stops:
            traded_at = level
            honest = [
                _quote(number, slot, level * (1 + bias + rng.gauss(0, 0.0001)), timed, rng)
                for number, bias in enumerate(biases)
            ]
        if just_opened and sleepy:
            # these have nothing new to say yet
            honest = [past[n][-1] if n in sleepy else quote for n, quote in enumerate(honest)]
        answers: list[Answer] = list(honest)
        if index >= begins and not (flaps and rng.random() < 0.4):
            for position, make in zip(bad, makers, strict=True):
                answers[position] = make(honest[position], past[position], number, rng)
            if fault == SPLIT:
                for position in bad:
                    price = (honest[bad[0]].price * far).quantize(PLACES)
                    answers[position] = replace(honest[position], price=price)
        for position in silent:
            answers[position] = Refusal(NAMES[position], NAMES[position], Reason.TIMED_OUT)
        for said, quote in zip(past, honest, strict=True):
            said.append(quote)
        # a bad source may say for once what it should
        speaking = [
            quote.price for position, quote in enumerate(honest) if answers[position] is quote
        ]
        must_price = (
            is_open
            and index < stops
            and fault != SPLIT
            and not market.starts_closed
            and not (just_opened and sleepy)
        )
        moments.append(Moment(slot, answers, speaking, is_open, must_price, leaps))
    return Case(fault, name, sources, bad, moments)


def _makers(fault: str, bad: tuple[int, ...], rng: Random) -> list[Fault]:
    """Return what is wrong with each bad source: the same with both, or not."""
    kinds = list(FAULTS.values())
    if fault == SPLIT:
        return [biased] * len(bad)  # is replaced by the common lie
    first = FAULTS[fault] if fault in FAULTS else rng.choice(kinds)
    return [first, first if rng.random() < 0.5 else rng.choice(kinds)][: len(bad)]


def _slots(market: Market, rng: Random) -> Iterator[tuple[datetime, bool]]:
    """Tell the slots, and whether each is one of an open market."""
    late = rng.choice([0, 0, 1, 37]) * SECOND
    if market.closes is None:
        start = utc("2026-01-06 16:00") + rng.randrange(51) * timedelta(days=7)
        for index in range(13 if len(market.moves) > 1 else 7):
            if not (market.misses and index in (3, 4, 6)):
                yield start + index * SLOT + late, True
        return
    closes, opens = market.closes
    if not market.starts_closed:
        yield closes - 2 * SLOT + late, True
        yield closes - SLOT + late, True
        yield closes + late, False
        for index in range(HISTORY_TICKS - 1, 0, -1):  # all that the rules look back on
            yield opens - index * SLOT + late, False
    for index in range(3):
        yield opens + index * SLOT + late, True


def _quote(source: int, slot: datetime, price: float, timed: list[bool], rng: Random) -> Quote:
    # within the slot, so that after an opening it is a quote from after it
    quoted_at = slot + rng.randint(0, 2) * SECOND if timed[source] else None
    cents = Decimal(round(price * 100)).scaleb(-2)
    return Quote(NAMES[source], NAMES[source], cents, "USD", quoted_at, slot + 3 * SECOND)


# --- what must not happen ------------------------------------------------------------------------


def examine(case: Case) -> Counter[str]:
    """Decide the slots of a case one after the other, and count.

    `outside`: prices out of the range of the honest sources, or of a closed market;
    `held wrongly`: slots without a price, of `must price`, in which the honest ones suffice;
    `late`: `leaps` of the market that are not passed on in the slot after them at last.
    """
    found: Counter[str] = Counter(cases=1)
    history: deque = deque(maxlen=HISTORY_TICKS)
    unpassed = False  # whether the market has leapt, and the price has not
    for moment in case.moments:
        tick = decide(moment.slot, moment.answers, history)
        history.appendleft(tick)
        found["slots"] += 1
        if tick.may_trigger:
            found["prices"] += 1
            inside = min(moment.honest) <= tick.price <= max(moment.honest)
            found["outside"] += not (moment.is_open and inside)
        if not moment.must_price:
            unpassed = False
        elif moment.leaps:
            found["leaps"] += 1
            unpassed = not tick.may_trigger
        elif unpassed:
            found["late"] += not tick.may_trigger
            unpassed = False
        else:
            found["must price"] += 1
            found["held wrongly"] += not tick.may_trigger
    return found
