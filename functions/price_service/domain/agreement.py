"""From the sources' answers to the tick: agree on one price, or say why there is none.

The raw median of the counted votes is published when a strict majority is close to it. Quotes that
look wrong are never dropped before the median is taken: the median of what such a filter leaves
can lie outside the range of the honest sources, the raw median of a majority cannot. The same goes
for quotes that do not count because of their time: between the votes, they draw the price to
where the raw median of all quotes is. As long as fewer than half of the upstreams are bad, it then
lies in the range of the others, however many of those have no new quote.

It is agreement, not probability: sources with a common upstream can be wrong together.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median

from goldalert.events.prices import Origin, TickState
from price_service.domain.judging import judge, quotes_are_frozen, record
from price_service.domain.market import session_opened
from price_service.domain.model import (
    Answer,
    Reason,
    Refusal,
    Tick,
    TickReason,
    Verdict,
)

MAJORITY_WITHIN = Decimal("0.005")
PAIR_WITHIN = Decimal("0.003")
JUMP = Decimal("0.01")
GREAT_JUMP = Decimal("0.1")
CONFIRMED_WITHIN = Decimal("0.005")
JUMP_UPSTREAMS = 3
HISTORY_TICKS = 12
"""How many of the last ticks the rules look back on."""


def decide(
    slot: datetime,
    answers: Iterable[Answer],
    history: Sequence[Tick],
    *,
    asked_after: timedelta = timedelta(0),
) -> Tick:
    """Return the tick of a slot.

    Args:
        slot: the schedule's own time, aware.
        answers: what each source that was asked answered.
        history: the last `HISTORY_TICKS` ticks, newest first.
        asked_after: how long after the slot they were asked; quotes are judged by then.
    """
    opened = session_opened(slot)
    if opened is None:
        verdicts = record(answers)
        return _without_price(slot, "closed", TickReason.MARKET_CLOSED, history, verdicts=verdicts)

    verdicts = judge(answers, slot + asked_after, opened, history)
    if quotes_are_frozen(verdicts, history):
        return _without_price(slot, "unknown", TickReason.QUOTES_FROZEN, history, verdicts=verdicts)
    votes = votes_of(verdicts)
    if not votes:
        return _without_price(slot, "stale", TickReason.NO_QUOTES, history, verdicts=verdicts)
    return _agree(slot, votes, verdicts, history)


def wants_more_votes(tick: Tick) -> bool:
    """Say whether a jump could be published at once if more sources answered."""
    return tick.reason is TickReason.JUMP_UNCONFIRMED and tick.agreeing < JUMP_UPSTREAMS


def accept(
    slot: datetime, price: Decimal, origin: Origin, refusals: Iterable[Refusal] = ()
) -> Tick:
    """Return the tick of a replayed or simulated price: it agrees with itself, and is open.

    Args:
        refusals: what the real sources said, which are kept with it.
    """
    reason = TickReason.REPLAYED if origin == "replay" else TickReason.SIMULATED
    verdict = Verdict(
        origin, origin, Reason.COUNTED, price, "USD", slot, received_at=slot, agrees=True
    )
    return Tick(
        slot,
        origin,
        "fresh",
        reason,
        price,
        as_of=slot,
        counted=1,
        agreeing=1,
        verdicts=(verdict, *record(refusals)),
    )


def votes_of(verdicts: Iterable[Verdict]) -> list[Decimal]:
    """Return one vote for each upstream: the median of its counted quotes."""
    return _by_upstream(verdict for verdict in verdicts if verdict.is_counted)


def bid_and_ask(tick: Tick) -> tuple[Decimal, Decimal] | None:
    """Return what the sources behind a price buy and sell for, or None.

    It is the median of those that say both and agree, and is not told where it does not enclose
    the price, which more sources have agreed on.
    """
    if not tick.may_trigger or tick.price is None:
        return None
    spreads = [
        (verdict.bid, verdict.ask)
        for verdict in tick.verdicts
        if verdict.agrees and verdict.bid is not None and verdict.ask is not None
    ]
    if not spreads:
        return None
    bid, ask = (median(side) for side in zip(*spreads, strict=True))
    return (bid, ask) if bid <= tick.price <= ask else None


def _agree(
    slot: datetime, votes: Sequence[Decimal], verdicts: Sequence[Verdict], history: Sequence[Tick]
) -> Tick:
    # where between the votes the raw median of all quotes is: that of the votes, usually
    said = _by_upstream(verdict for verdict in verdicts if verdict.has_value)
    middle = median((min(votes), median(said), max(votes)))
    agreeing = sum(_is_within(MAJORITY_WITHIN, vote, middle) for vote in votes)
    verdicts = tuple(
        replace(verdict, agrees=True)
        if verdict.is_counted
        and verdict.price is not None
        and _is_within(MAJORITY_WITHIN, verdict.price, middle)
        else verdict
        for verdict in verdicts
    )
    tick = Tick(
        slot,
        "live",
        "fresh",
        TickReason.AGREED,
        middle,
        as_of=slot,
        counted=len(votes),
        agreeing=agreeing,
        spread_bps=round((max(votes) - min(votes)) / middle * 10_000),
        verdicts=verdicts,
    )
    if len(votes) == 1:
        return _hold(tick, TickReason.ONE_SOURCE, history)
    if len(votes) == 2 and max(votes) - min(votes) > PAIR_WITHIN * middle:
        return _hold(tick, TickReason.SPLIT, history)
    if 2 * agreeing <= len(said):
        return _hold(tick, TickReason.SPLIT, history)
    return _mind_the_jump(tick, history)


def _mind_the_jump(tick: Tick, history: Sequence[Tick]) -> Tick:
    """Publish an agreed price, unless it is so far from the last that it needs confirmation."""
    last = history[0] if history else None
    if last is None or last.price is None or tick.price is None:
        return _grade(tick)
    if _is_within(JUMP, tick.price, last.price):
        return _grade(tick)

    announced = last.candidate is not None and _is_within(
        CONFIRMED_WITHIN, tick.price, last.candidate
    )
    by_upstreams = tick.agreeing >= JUMP_UPSTREAMS
    if not _is_within(GREAT_JUMP, tick.price, last.price):
        if by_upstreams and announced and last.agreeing >= JUMP_UPSTREAMS:
            return _grade(tick)
    elif by_upstreams:
        return _grade(tick)
    elif announced:
        return replace(tick, state="reduced", reason=TickReason.JUMP_CONFIRMED)
    return _hold(tick, TickReason.JUMP_UNCONFIRMED, history, candidate=tick.price)


def _grade(tick: Tick) -> Tick:
    """Call an agreed price fresh, or reduced when less speaks for it than could."""
    timed = any(verdict.agrees and verdict.quoted_at is not None for verdict in tick.verdicts)
    if not timed:
        return replace(tick, state="reduced", reason=TickReason.NO_QUOTE_TIME)
    if tick.counted == 2:
        return replace(tick, state="reduced", reason=TickReason.TWO_SOURCES)
    return tick


def _hold(
    tick: Tick, reason: TickReason, history: Sequence[Tick], candidate: Decimal | None = None
) -> Tick:
    """Keep the last price, with what the slot's quotes were like."""
    held = _without_price(tick.slot, "held", reason, history, verdicts=tick.verdicts)
    return replace(
        held,
        candidate=candidate,
        counted=tick.counted,
        agreeing=tick.agreeing,
        spread_bps=tick.spread_bps,
    )


def _without_price(
    slot: datetime,
    state: TickState,
    reason: TickReason,
    history: Sequence[Tick],
    *,
    verdicts: tuple[Verdict, ...],
) -> Tick:
    """Return a tick that has no price of its own: the last one and its time stand."""
    last = history[0] if history else None
    return Tick(
        slot,
        "live" if last is None else last.origin,
        state,
        reason,
        price=None if last is None else last.price,
        as_of=None if last is None else last.as_of,
        verdicts=verdicts,
    )


def _by_upstream(verdicts: Iterable[Verdict]) -> list[Decimal]:
    """Return the median of what the sources of each upstream say."""
    said: dict[str, list[Decimal]] = {}
    for verdict in verdicts:
        if verdict.price is not None:
            said.setdefault(verdict.upstream, []).append(verdict.price)
    return [median(prices) for prices in said.values()]


def _is_within(share: Decimal, value: Decimal, of: Decimal) -> bool:
    return abs(value - of) <= share * of
