"""What the logging service does, one function per action."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from pydantic import JsonValue

from goldalert.clock import Clock
from goldalert.db.unit_of_work import Transaction, UnitOfWork
from goldalert.events.catalogue import AnyEvent
from goldalert.export import EXPORT_ROWS, make_part
from goldalert.http.paging import make_page
from goldalert.http.schemas import Page
from goldalert.messaging.erasure import living_users, mark_erased, publish_erased
from logging_service.domain import LogEntry, LogFilter, describe
from logging_service.schemas import LogView

PRODUCER = "logging_service"


class Logs(Protocol):
    """What the use cases need of the database."""

    def add(self, entries: Sequence[LogEntry]) -> None: ...
    def newest(self, wanted: LogFilter, *, before: UUID | None, limit: int) -> list[LogView]: ...
    def about(self, user_id: UUID, *, limit: int) -> list[LogView]: ...
    def erase_user(self, user_id: UUID) -> None: ...


def record_event(tx: Transaction[Logs], event: AnyEvent) -> None:
    """Write what an event says into the log, but nothing about users who were erased."""
    entries = describe(event)
    about = {entry.user_id for entry in entries if entry.user_id is not None}
    welcome = {None, *living_users(tx.connection, about)}
    tx.repository.add([entry for entry in entries if entry.user_id in welcome])


def erase_user(tx: Transaction[Logs], clock: Clock, event: AnyEvent) -> None:
    """Erase what the log says about a user, and say so."""
    user_id: UUID = event.data.user_id
    mark_erased(tx.connection, user_id)
    tx.repository.erase_user(user_id)
    publish_erased(tx, clock, producer=PRODUCER, event=event)


def export_user(unit_of_work: UnitOfWork[Logs], *, user_id: UUID) -> JsonValue:
    """Return everything that is held about a user."""
    with unit_of_work.begin() as tx:
        return make_part(logs=tx.repository.about(user_id, limit=EXPORT_ROWS + 1))


def search(
    unit_of_work: UnitOfWork[Logs], wanted: LogFilter, *, before: UUID | None, limit: int
) -> Page[LogView]:
    """Return a page of what matches, newest first."""
    with unit_of_work.begin() as tx:
        entries = tx.repository.newest(wanted, before=before, limit=limit + 1)
    return make_page(entries, limit=limit, view=lambda entry: entry, id_of=lambda entry: entry.id)
