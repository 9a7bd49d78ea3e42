"""Which quotes count: each is judged alone, by the slot's time and by what came before."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import takewhile

from price_service.domain.model import Answer, Quote, Reason, Tick, Verdict

CURRENCY = "USD"
LOWEST, HIGHEST = Decimal(100), Decimal(100_000)
"""Bounds that no honest price of a troy ounce in USD leaves."""

MAX_AGE = timedelta(seconds=300)
MAX_AHEAD = timedelta(seconds=60)
UNCHANGED_SLOTS = 3
PEERS_MOVED = Decimal("0.001")
STANDS_AT_MOST = timedelta(minutes=50)
"""How long a value without a time may be the same whatever its peers do: it is no price of now, and
what the rules look back on is an hour."""
SETTLING = timedelta(minutes=15)
"""How long after an opening a value that was never seen before may be one from before it."""

_FROZEN = frozenset({Reason.TOO_OLD, Reason.FROM_BEFORE_OPENING, Reason.UNCHANGED})


def judge(
    answers: Iterable[Answer], slot: datetime, opened: datetime, history: Sequence[Tick]
) -> tuple[Verdict, ...]:
    """Say of each answer whether it counts, and if not why.

    Args:
        opened: when the session that the slot falls into was opened.
        history: the last ticks, newest first.
    """
    verdicts = [_judge_alone(answer, slot, opened, history) for answer in answers]
    return tuple(
        replace(verdict, reason=Reason.UNCHANGED)
        if verdict.is_counted and _is_left_behind(verdict, verdicts, slot, history)
        else verdict
        for verdict in verdicts
    )


def record(answers: Iterable[Answer]) -> tuple[Verdict, ...]:
    """Keep what was answered while the market is closed."""
    return tuple(
        _verdict(answer, (isinstance(answer, Quote) and _no_value(answer)) or Reason.MARKET_CLOSED)
        for answer in answers
    )


def quotes_are_frozen(verdicts: Sequence[Verdict], history: Sequence[Tick]) -> bool:
    """Say whether the quotes of most upstreams have stopped: the market may not be open."""
    values = [verdict for verdict in verdicts if verdict.has_value]
    upstreams = {verdict.upstream for verdict in values}
    moving = {
        verdict.upstream
        for verdict in values
        if verdict.reason not in _FROZEN and not _is_unchanged(verdict, history)
    }
    return 2 * len(upstreams - moving) > len(upstreams)


def _judge_alone(
    answer: Answer, slot: datetime, opened: datetime, history: Sequence[Tick]
) -> Verdict:
    if not isinstance(answer, Quote):
        return _verdict(answer, answer.reason)
    return _verdict(answer, _reason(answer, slot, opened, history))


def _reason(quote: Quote, slot: datetime, opened: datetime, history: Sequence[Tick]) -> Reason:
    if worthless := _no_value(quote):
        return worthless
    # one without a time is, at the latest, of when it was received
    if (quote.quoted_at or quote.received_at) - slot > MAX_AHEAD:
        return Reason.FROM_THE_FUTURE
    if quote.quoted_at is None:
        if _may_be_from_before(quote, slot, opened, history):
            return Reason.FROM_BEFORE_OPENING
    elif slot - quote.quoted_at > MAX_AGE:
        return Reason.TOO_OLD
    elif quote.quoted_at < opened:
        return Reason.FROM_BEFORE_OPENING
    return Reason.COUNTED


def _no_value(quote: Quote) -> Reason | None:
    """Return why a quote is none of gold in USD, or None when it may be one."""
    if quote.currency != CURRENCY:
        return Reason.WRONG_CURRENCY
    if not quote.price.is_finite() or not LOWEST <= quote.price <= HIGHEST:
        return Reason.OUT_OF_BOUNDS
    return None


def _may_be_from_before(
    quote: Quote, slot: datetime, opened: datetime, history: Sequence[Tick]
) -> bool:
    """Say whether a quote without a time may still be the last one of the session before.

    It is not once it has changed since the market was closed. Where no value of that time is
    known, it gets the benefit of the doubt a while after the opening.
    """
    closing = next(
        (
            tick.values[quote.source]
            for tick in history
            if tick.state == "closed" and quote.source in tick.values
        ),
        None,
    )
    if closing is None and slot - opened >= SETTLING:
        return False
    last = quote.price if closing is None else closing
    return quote.price == last and all(
        tick.values.get(quote.source, last) == last for tick in history if tick.slot >= opened
    )


def _is_unchanged(verdict: Verdict, history: Sequence[Tick]) -> bool:
    """Say whether a value without a time is the same as in the last three slots."""
    return len(_standing_still(verdict, history)) >= UNCHANGED_SLOTS


def _is_left_behind(
    verdict: Verdict, verdicts: Sequence[Verdict], slot: datetime, history: Sequence[Tick]
) -> bool:
    """Say whether a value stands still for very long, or most of its peers moved meanwhile."""
    still = _standing_still(verdict, history)
    if len(still) < UNCHANGED_SLOTS:
        return False
    if slot - still[-1].slot >= STANDS_AT_MOST:
        return True
    peers = [v for v in verdicts if v.is_counted and v.upstream != verdict.upstream]
    moved = {peer.upstream for peer in peers if _has_moved(peer, still)}
    return 2 * len(moved) > len({peer.upstream for peer in peers})


def _has_moved(peer: Verdict, window: Sequence[Tick]) -> bool:
    values = [tick.values[peer.source] for tick in window if peer.source in tick.values]
    if peer.price is not None:
        values.append(peer.price)
    return max(values) - min(values) > PEERS_MOVED * min(values)


def _standing_still(verdict: Verdict, history: Sequence[Tick]) -> list[Tick]:
    """Return the last ticks in which a value without a time was the same, newest first.

    They are of open slots: a value that is still the one of a closed slot is refused before.
    """
    if verdict.quoted_at is not None:
        return []
    known = (tick for tick in history if verdict.source in tick.values)
    return list(takewhile(lambda tick: tick.values[verdict.source] == verdict.price, known))


def _verdict(answer: Answer, reason: Reason) -> Verdict:
    if not isinstance(answer, Quote):
        return Verdict(answer.source, answer.upstream, answer.reason, detail=answer.detail)
    return Verdict(
        answer.source,
        answer.upstream,
        reason,
        price=answer.price,
        currency=answer.currency,
        quoted_at=answer.quoted_at,
        received_at=answer.received_at,
        bid=answer.bid,
        ask=answer.ask,
    )
