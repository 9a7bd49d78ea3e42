"""How a source has done lately. It says whom to distrust, and never changes a vote."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from statistics import median
from typing import Literal

from price_service.domain.agreement import votes_of
from price_service.domain.model import NO_VALUE, Reason, Tick, Verdict

NARROWEST, WIDEST = Decimal("0.005"), Decimal("0.01")
DEVIATIONS = 5 * Decimal("1.4826")
"""Five standard deviations; by 1.4826 the median absolute deviation is an estimate of one."""

QUARANTINED_AFTER = 2
READMITTED_AFTER = 6

type HealthState = Literal["ok", "failing", "quarantined"]


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """What is known of one source.

    Attributes:
        reason: what was made of its last answer.
        failures: how many answers in a row did not count.
        outside: how many quotes in a row were far from what the others agreed on.
        clean: how many in a row counted and were not.
        quarantined_since: the slot in which it was put into quarantine; None when it is not.
        last_quote_at: the slot of its last quote.
    """

    source: str
    reason: Reason
    failures: int = 0
    outside: int = 0
    clean: int = 0
    quarantined_since: datetime | None = None
    last_quote_at: datetime | None = None

    @property
    def state(self) -> HealthState:
        if self.quarantined_since is not None:
            return "quarantined"
        return "failing" if self.failures else "ok"


def next_health(known: SourceHealth | None, verdict: Verdict, tick: Tick) -> SourceHealth:
    """Return how a source does by now.

    Args:
        known: how it did before; None when it is new.
        verdict: what was made of its answer.
        tick: the tick that the verdict is of.
    """
    before = known or SourceHealth(verdict.source, verdict.reason)
    after = replace(
        before,
        reason=verdict.reason,
        last_quote_at=before.last_quote_at if verdict.price is None else tick.slot,
    )
    if verdict.reason is Reason.MARKET_CLOSED:
        return after
    counted = verdict.is_counted
    after = replace(after, failures=0 if counted else before.failures + 1)
    if _is_outside(verdict, tick):
        after = replace(after, outside=before.outside + 1, clean=0)
    elif counted and _middle(tick) is not None:
        after = replace(after, outside=0, clean=before.clean + 1)
    if after.quarantined_since is None and after.outside >= QUARANTINED_AFTER:
        return replace(after, quarantined_since=tick.slot)
    if after.clean >= READMITTED_AFTER:
        return replace(after, quarantined_since=None)
    return after


def band(votes: Sequence[Decimal]) -> Decimal:
    """Return how far from the median of the votes a quote may be, as a share of it."""
    middle = median(votes)
    deviation = median(abs(vote - middle) for vote in votes) / middle
    return max(NARROWEST, min(WIDEST, DEVIATIONS * deviation))


def _is_outside(verdict: Verdict, tick: Tick) -> bool:
    if verdict.price is None:
        return False
    if verdict.reason in NO_VALUE:
        return True
    middle = _middle(tick)
    return (
        middle is not None and abs(verdict.price - middle) > band(votes_of(tick.verdicts)) * middle
    )


def _middle(tick: Tick) -> Decimal | None:
    """Return what the slot's quotes agreed on, which a jump may keep from being the price."""
    return tick.price if tick.may_trigger else tick.candidate
