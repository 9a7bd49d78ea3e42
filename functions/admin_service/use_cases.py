"""What the admin service does, one function per action."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Protocol
from uuid import UUID

from pydantic import JsonValue

from admin_service.config import VERIFY_ENTRIES
from admin_service.domain import Entry, Fact, Link, chain, first_broken
from admin_service.schemas import AuditEntry, ExportedEntry, Verification
from goldalert.db.unit_of_work import Transaction, UnitOfWork
from goldalert.errors import InvalidFieldError
from goldalert.events.alerts import AlertTriggeredData
from goldalert.events.catalogue import AnyEvent
from goldalert.events.users import UserErasedV1, UserRoleChangedV1
from goldalert.export import EXPORT_ROWS, make_part
from goldalert.http.paging import encode_cursor, make_page
from goldalert.http.schemas import Page
from goldalert.ids import new_id


class AuditLog(Protocol):
    """What the use cases need of the database."""

    def lock_chain(self) -> Link: ...
    def append(self, entries: Sequence[Entry]) -> None: ...
    def newest(
        self,
        *,
        action: str | None,
        target: str | None,
        correlation_id: str | None,
        before: UUID | None,
        limit: int,
    ) -> list[Entry]: ...
    def about(self, user_id: UUID, *, limit: int) -> list[Entry]: ...
    def link(self, entry_id: UUID) -> Link | None: ...
    def following(self, sequence: int, limit: int) -> list[Entry]: ...


def record_triggers(tx: Transaction[AuditLog], event: AnyEvent) -> None:
    """Write an audit entry for each alert that fired."""
    data: AlertTriggeredData = event.data
    _record(
        tx,
        [
            _fact(
                event,
                f"alert:{trigger.alert_id}",
                {
                    **{name: str(fact) for name, fact in trigger.facts().items()},
                    "user_id": str(trigger.user_id),
                    "tick_id": str(data.tick.tick_id),
                },
            )
            for trigger in data.triggers
        ],
    )


def record_account_event(tx: Transaction[AuditLog], event: AnyEvent) -> None:
    """Write an audit entry for what was done to an account."""
    match event:
        case UserRoleChangedV1(data=changed):
            disabled = "true" if changed.disabled else "false"
            data = {"role": changed.role, "disabled": disabled}
            admin_id = changed.changed_by
        case UserErasedV1():
            data, admin_id = {"service": event.producer}, None
        case _:
            data, admin_id = {}, None
    _record(tx, [_fact(event, f"user:{event.data.user_id}", data, admin_id=admin_id)])


def _fact(
    event: AnyEvent, target: str, data: Mapping[str, str], *, admin_id: UUID | None = None
) -> Fact:
    return Fact(
        id=new_id(),
        admin_id=admin_id,
        action=event.event_type,
        target=target,
        timestamp=event.occurred_at,
        correlation_id=event.correlation_id,
        data=data,
    )


def _record(tx: Transaction[AuditLog], facts: Iterable[Fact]) -> None:
    last = tx.repository.lock_chain()
    tx.repository.append(list(chain(facts, last)))


def list_entries(
    unit_of_work: UnitOfWork[AuditLog],
    *,
    action: str | None,
    target: str | None,
    correlation_id: str | None,
    before: UUID | None,
    limit: int,
) -> Page[AuditEntry]:
    """Return a page of the audit log, newest first."""
    with unit_of_work.begin() as tx:
        entries = tx.repository.newest(
            action=action,
            target=target,
            correlation_id=correlation_id,
            before=before,
            limit=limit + 1,
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


def export_user(unit_of_work: UnitOfWork[AuditLog], *, user_id: UUID) -> JsonValue:
    """Return the entries about what a user did, what was done to them, and their alerts."""
    with unit_of_work.begin() as tx:
        entries = tx.repository.about(user_id, limit=EXPORT_ROWS + 1)
    return make_part(audit_logs=[ExportedEntry.model_validate(entry.fact) for entry in entries])


def _view(entry: Entry) -> AuditEntry:
    return AuditEntry(sequence=entry.sequence, hash=entry.hash, **asdict(entry.fact))
