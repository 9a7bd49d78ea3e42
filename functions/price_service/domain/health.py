"""How a source has done lately. It says whom to distrust, and never changes a vote."""

from dataclasses import dataclass
from datetime import datetime

from price_service.domain.model import Reason


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """What is known of one source.

    Attributes:
        reason: what was made of its last answer.
        failures: how many answers in a row gave no quote.
        outside: how many quotes in a row were far from what the others agreed on.
        clean: how many in a row were not.
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
