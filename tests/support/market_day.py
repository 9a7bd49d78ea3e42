"""A trading day for the tests of the rules: slots, quotes and a history to judge them by."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from price_service.domain.agreement import HISTORY_TICKS, decide
from price_service.domain.model import Answer, Quote, Reason, Refusal, Tick

SLOT = timedelta(minutes=5)
NOON = datetime(2026, 8, 18, 16, 0, tzinfo=UTC)
"""A Tuesday, 12:00 in New York: the middle of a session."""

CALM = {"swissquote": "4390", "gold-api.com": "4390.5", "coinbase": "4391"}
"""What three sources say that agree."""

TIMED = frozenset({"swissquote", "timed"})
"""Sources whose quotes have a time of their own."""


def quote(source: str, price: str | Decimal, slot: datetime = NOON, **changes: object) -> Quote:
    made = Quote(
        source=source,
        upstream=source,
        price=Decimal(price),
        currency="USD",
        quoted_at=slot if source in TIMED else None,
        received_at=slot + timedelta(seconds=1),
    )
    return replace(made, **changes)


def quotes(slot: datetime = NOON, **prices: str | Decimal) -> list[Quote]:
    return [quote(source, price, slot) for source, price in prices.items()]


def refusal(source: str, reason: Reason = Reason.TIMED_OUT) -> Refusal:
    return Refusal(source, source, reason)


def run(slots: Iterable[tuple[datetime, Sequence[Answer]]]) -> list[Tick]:
    """Decide slot after slot, each with the last ticks before it as its history; oldest first."""
    ticks: list[Tick] = []
    for slot, answers in slots:
        ticks.append(decide(slot, answers, ticks[: -HISTORY_TICKS - 1 : -1]))
    return ticks


def day(*slots: dict[str, str], start: datetime = NOON) -> list[Tick]:
    """Decide the slots from `start` on, five minutes apart, each with the prices that it is given.

    An empty price stands for a source that did not answer.
    """
    return run(
        (
            slot := start + number * SLOT,
            [
                quote(source, price, slot) if price else refusal(source)
                for source, price in prices.items()
            ],
        )
        for number, prices in enumerate(slots)
    )
