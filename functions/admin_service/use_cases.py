"""What the admin service does, one function per action."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Protocol
from uuid import UUID

from admin_service.config import VERIFY_ENTRIES
from admin_service.domain import Entry, Fact, Link, chain, first_broken
from admin_service.schemas import AuditEntry, Verification
from goldalert.db.unit_of_work import Transaction, UnitOfWork
from goldalert.errors import InvalidFieldError
from goldalert.events.alerts import AlertTriggeredData
from goldalert.events.catalogue import AnyEvent
from goldalert.http.paging import encode_cursor, make_page
from goldalert.http.schemas import Page
from goldalert.ids import new_id
from goldalert.money import format_decimal


class AuditLog(Protocol):
    """What the use cases need of the database."""

    def lock_chain(self) -> Link: ...
    def append(self, entries: Sequence[Entry]) -> None: ...
    def newest(
        self, *, action: str | None, correlation_id: str | None, before: UUID | None, limit: int
    ) -> list[Entry]: ...
    def link(self, entry_id: UUID) -> Link | None: ...
    def following(self, sequence: int, limit: int) -> list[Entry]: ...


def record_triggers(tx: Transaction[AuditLog], event: AnyEvent) -> None:
    """Write one audit entry for each alert that fired."""
    data: AlertTriggeredData = event.data
    facts = [
        Fact(
            id=new_id(),
            admin_id=None,
            action=event.event_type,
            target=f"alert:{trigger.alert_id}",
            timestamp=event.occurred_at,
            correlation_id=event.correlation_id,
            data={
                "trigger_id": str(trigger.trigger_id),
                "user_id": str(trigger.user_id),
                "tick_id": str(data.tick.tick_id),
                "alert_type": trigger.alert_type,
                "threshold": format_decimal(trigger.threshold),
                "price": format_decimal(trigger.price),
                "currency": trigger.currency,
                "unit": trigger.unit,
                "karat": str(trigger.karat),
            },
        )
        for trigger in data.triggers
    ]
    last = tx.repository.lock_chain()
    tx.repository.append(list(chain(facts, last)))


def list_entries(
    unit_of_work: UnitOfWork[AuditLog],
    *,
    action: str | None,
    correlation_id: str | None,
    before: UUID | None,
    limit: int,
) -> Page[AuditEntry]:
    """Return a page of the audit log, newest first."""
    with unit_of_work.begin() as tx:
        entries = tx.repository.newest(
            action=action, correlation_id=correlation_id, before=before, limit=limit + 1
        )
    return make_page(entries, limit=limit, view=_view, id_of=lambda entry: entry.fact.id)


def verify(unit_of_work: UnitOfWork[AuditLog], *, after: UUID | None) -> Verification:
    """Recompute the chain, from its beginning or after an entry that was verified before.

    Raises:
        InvalidFieldError: there is no such entry.
    """
    with unit_of_work.begin() as tx:
        last = Link() if after is None else tx.repository.link(after)
        if last is None:
            raise InvalidFieldError("cursor", "This is not a cursor of ours.")
        entries = tx.repository.following(last.sequence, VERIFY_ENTRIES + 1)
    checked = entries[:VERIFY_ENTRIES]
    broken = first_broken(checked, last)
    more = broken is None and len(entries) > len(checked)
    return Verification(
        intact=broken is None,
        checked=len(checked),
        first_broken_id=broken and broken.fact.id,
        next_cursor=encode_cursor(checked[-1].fact.id) if more else None,
    )


def _view(entry: Entry) -> AuditEntry:
    return AuditEntry(sequence=entry.sequence, hash=entry.hash, **asdict(entry.fact))
