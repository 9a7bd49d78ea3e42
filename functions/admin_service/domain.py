"""The audit log's chain: every entry's hash covers the entry and the hash before it.

Whoever changes, removes or inserts an entry would have to write all later hashes anew. Entries cut
off at the end leave no trace in the chain itself.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

GENESIS = "0" * 64
"""What stands for the hash before the first entry."""


@dataclass(frozen=True)
class Fact:
    """What is to be recorded.

    Attributes:
        admin_id: who did it; None for the system itself.
        action: such as `alert_triggered`.
        target: what it was done to, such as `alert:<id>`.
        timestamp: when it happened.
        correlation_id: of the request or tick behind it.
        data: details; the values are strings, so that they read back as they were hashed.
    """

    id: UUID
    admin_id: UUID | None
    action: str
    target: str
    timestamp: datetime
    correlation_id: str
    data: Mapping[str, str]


@dataclass(frozen=True)
class Entry:
    """A fact in its place in the chain."""

    sequence: int
    fact: Fact
    hash: str


@dataclass(frozen=True)
class Link:
    """Where the chain goes on: the last entry's place and hash."""

    sequence: int = 0
    hash: str = GENESIS


def chain(facts: Iterable[Fact], last: Link) -> Iterator[Entry]:
    """Append facts to the chain."""
    for fact in facts:
        digest = _digest(last.sequence + 1, fact, last.hash)
        last = Link(last.sequence + 1, digest)
        yield Entry(last.sequence, fact, last.hash)


def first_broken(entries: Iterable[Entry], last: Link) -> Entry | None:
    """Return the first entry that does not follow from the one before it."""
    for entry in entries:
        digest = _digest(last.sequence + 1, entry.fact, last.hash)
        last = Link(last.sequence + 1, digest)
        if (entry.sequence, entry.hash) != (last.sequence, last.hash):
            return entry
    return None


def _digest(sequence: int, fact: Fact, previous_hash: str) -> str:
    row = {
        "sequence": sequence,
        "id": str(fact.id),
        "admin_id": fact.admin_id and str(fact.admin_id),
        "action": fact.action,
        "target": fact.target,
        "timestamp": fact.timestamp.astimezone(UTC).isoformat(timespec="microseconds"),
        "correlation_id": fact.correlation_id,
        "data": dict(fact.data),
    }
    canonical = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{previous_hash}{canonical}".encode()).hexdigest()
