"""One transaction and the events that it publishes: both happen, or neither."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from goldalert.events.catalogue import AnyEvent
from goldalert.messaging.outbox import WrittenEvent, store

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine


class Relay(Protocol):
    """Publishes what the outbox holds."""

    def run(self, *, only: Sequence[UUID]) -> int:
        """Publish these events, and return how many were accepted."""
        ...


@dataclass(frozen=True)
class Transaction[Repository]:
    """What a use case works with.

    Attributes:
        repository: the service's SQL, on this transaction's connection.
        connection: the connection itself, for what the library keeps (inbox, stored answers).
    """

    repository: Repository
    connection: "Connection"
    _events: list[AnyEvent | WrittenEvent] = field(default_factory=list)
    _actions: list[Callable[[], object]] = field(default_factory=list)

    def publish(self, *events: AnyEvent | WrittenEvent) -> None:
        """Publish events if, and only if, this transaction commits."""
        self._events.extend(events)

    def after_commit(self, action: Callable[[], object]) -> None:
        """Do something if this transaction commits, before anybody hears of its events."""
        self._actions.append(action)


class UnitOfWork[Repository]:
    """Begins transactions.

    Args:
        engine: the service's database.
        repository: makes the service's repository on a connection.
        relay: publishes a transaction's events right after its commit; None leaves them to another
            function.

    Example:
        >>> with unit_of_work.begin() as tx:  # doctest: +SKIP
        ...     tx.repository.add_alert(alert)
        ...     tx.publish(event)
    """

    def __init__(
        self,
        engine: "Engine",
        repository: "Callable[[Connection], Repository]",
        relay: Relay | None = None,
    ) -> None:
        self._engine = engine
        self._repository = repository
        self._relay = relay

    @contextmanager
    def begin(self) -> Iterator[Transaction[Repository]]:
        """Begin a transaction; commit at the end of the block, roll back on an exception."""
        with self._engine.begin() as connection:
            tx = Transaction(self._repository(connection), connection)
            yield tx
            store(connection, tx._events)
        for action in tx._actions:
            action()
        if tx._events and self._relay is not None:
            self._relay.run(only=[event.event_id for event in tx._events])
