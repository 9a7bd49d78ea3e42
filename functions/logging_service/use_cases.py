"""What the logging service does, one function per action."""

from typing import Protocol
from uuid import UUID

from goldalert.db.unit_of_work import Transaction, UnitOfWork
from goldalert.events.catalogue import AnyEvent
from goldalert.http.paging import make_page
from goldalert.http.schemas import Page
from logging_service.domain import LogEntry, LogFilter, describe
from logging_service.schemas import LogView


class Logs(Protocol):
    """What the use cases need of the database."""

    def add(self, entry: LogEntry) -> None: ...
    def newest(self, wanted: LogFilter, *, before: UUID | None, limit: int) -> list[LogView]: ...


def record_event(tx: Transaction[Logs], event: AnyEvent) -> None:
    """Write what an event says into the log."""
    tx.repository.add(describe(event))


def search(
    unit_of_work: UnitOfWork[Logs], wanted: LogFilter, *, before: UUID | None, limit: int
) -> Page[LogView]:
    """Return a page of what matches, newest first."""
    with unit_of_work.begin() as tx:
        entries = tx.repository.newest(wanted, before=before, limit=limit + 1)
    return make_page(entries, limit=limit, view=lambda entry: entry, id_of=lambda entry: entry.id)
