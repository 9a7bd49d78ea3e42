"""The relay: takes events from the outbox to SNS, at least once.

It claims rows with a lease, publishes outside of any transaction, and deletes what SNS accepted.
A relay that is killed leaves its rows leased; the next one takes them when the lease is over.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from goldalert.db.outage import is_outage
from goldalert.messaging.outbox import MAX_MESSAGE_BYTES
from goldalert.observability.log import logger

if TYPE_CHECKING:
    from sqlalchemy import Engine

LEFT_BEHIND_AFTER = timedelta(seconds=30)
"""Age from which the schedule takes an event that its own handler should have published."""

_CLAIM_ROWS = 100
_LEASE = timedelta(seconds=30)
_BATCH_ENTRIES = 10


@dataclass(frozen=True)
class OutboxRow:
    """An event on its way: `message` is the whole envelope as JSON."""

    id: UUID
    topic: str
    event_type: str
    message: str


class Publisher(Protocol):
    """Takes messages to a topic."""

    def publish(self, topic: str, rows: Sequence[OutboxRow]) -> dict[UUID, str]:
        """Publish up to ten rows of one topic; return why each refused one was refused.

        Raises:
            PublishError: nothing of the batch was accepted.
        """
        ...


class PublishError(Exception):
    """The topic did not answer."""


class OutboxRelay:
    """Publishes one service's outbox.

    Args:
        engine: the service's database.
        publisher: where the events go.
    """

    def __init__(self, engine: "Engine", publisher: Publisher) -> None:
        self._engine = engine
        self._publisher = publisher

    def run(self, *, older_than: timedelta = timedelta(0)) -> int:
        """Publish what waits, oldest first, and return how many events were accepted.

        What cannot be published stays for the next run; the reason is logged. It does not raise
        when SNS or the database is away: the state that the events tell of is committed.

        Args:
            older_than: leave younger rows alone, which their own handler is publishing.
        """
        published = 0
        try:
            while rows := self._claim(older_than):
                accepted = self._publish(rows)
                self._settle(rows, accepted)
                published += len(accepted)
                if len(rows) < _CLAIM_ROWS or len(accepted) < len(rows):
                    break
        except Exception as error:
            if not is_outage(error):
                raise
            logger.warning("outbox is out of reach, left for the schedule", exc_info=error)
        return published

    def _claim(self, older_than: timedelta) -> list[OutboxRow]:
        from sqlalchemy import text

        with self._engine.begin() as connection:
            rows = connection.execute(
                text(
                    "UPDATE outbox SET leased_until = now() + :lease, attempts = attempts + 1 "
                    "WHERE id IN (SELECT id FROM outbox "
                    "  WHERE created_at <= now() - CAST(:older_than AS interval) "
                    "  AND (leased_until IS NULL OR leased_until < now()) "
                    "  ORDER BY id LIMIT :rows FOR UPDATE SKIP LOCKED) "
                    "RETURNING id, topic, event_type, message"
                ),
                {"lease": _LEASE, "older_than": older_than, "rows": _CLAIM_ROWS},
            ).all()
        return sorted((OutboxRow(*row) for row in rows), key=lambda row: row.id)

    def _publish(self, rows: list[OutboxRow]) -> set[UUID]:
        accepted: set[UUID] = set()
        for topic, batch in _batches(rows):
            try:
                refused = self._publisher.publish(topic, batch)
            except PublishError as error:
                logger.warning("topic is out of reach", extra={"topic": topic}, exc_info=error)
                continue
            for event_id, reason in refused.items():
                logger.error(
                    "event was refused", extra={"event_id": str(event_id), "reason": reason}
                )
            accepted.update(row.id for row in batch if row.id not in refused)
        return accepted

    def _settle(self, rows: list[OutboxRow], accepted: set[UUID]) -> None:
        """Delete what was accepted. The others wait until their lease has run out."""
        if not accepted:
            return
        from sqlalchemy import text

        with self._engine.begin() as connection:
            connection.execute(
                text("DELETE FROM outbox WHERE id = ANY(CAST(:ids AS uuid[]))"),
                {"ids": list(accepted)},
            )


def _batches(rows: list[OutboxRow]) -> Iterator[tuple[str, list[OutboxRow]]]:
    """Cut rows into batches of one topic that SNS takes in one call."""
    by_topic: dict[str, list[OutboxRow]] = {}
    for row in rows:
        by_topic.setdefault(row.topic, []).append(row)
    for topic, of_topic in by_topic.items():
        batch: list[OutboxRow] = []
        size = 0
        for row in of_topic:
            row_size = len(row.message.encode())
            if batch and (len(batch) == _BATCH_ENTRIES or size + row_size > MAX_MESSAGE_BYTES):
                yield topic, batch
                batch, size = [], 0
            batch.append(row)
            size += row_size
        yield topic, batch
