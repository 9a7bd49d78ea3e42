"""The relay: takes events from the outbox to SNS, at least once.

It claims rows with a lease, publishes outside of any transaction, and deletes what SNS accepted.
A relay that is killed leaves its rows leased; the next one takes them when the lease is over.
A row that SNS refuses waits longer each time, so that bad rows do not keep the others back.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from goldalert.db.outage import is_outage
from goldalert.messaging.outbox import ATTRIBUTES_BYTES, MAX_MESSAGE_BYTES
from goldalert.observability.log import logger

if TYPE_CHECKING:
    from sqlalchemy import Engine

LEFT_BEHIND_AFTER = timedelta(seconds=30)
"""Age from which the schedule takes an event that its own handler should have published."""

_RUN_SECONDS = 20.0
"""No batch is begun later: the schedule's functions have 30 s."""

_RUN_ONLY_SECONDS = 3.0
"""The same after a commit, where a request waits for its answer."""

LEASE = timedelta(seconds=30)
"""How long an event is one relay's; longer than it takes to publish it."""

_CLAIM_ROWS = 100
_LONGEST_PAUSE = timedelta(hours=1)
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
            BatchRefusedError: the batch was refused as a whole, for what is in it.
            PublishError: the topic did not answer.
        """
        ...


class PublishError(Exception):
    """The topic did not answer."""


class BatchRefusedError(Exception):
    """The topic refuses the batch for what is in it; some of its rows may be good."""


class OutboxRelay:
    """Publishes one service's outbox.

    Args:
        engine: the service's database.
        publisher: where the events go.
    """

    def __init__(self, engine: "Engine", publisher: Publisher) -> None:
        self._engine = engine
        self._publisher = publisher

    def run(
        self, *, older_than: timedelta = timedelta(0), only: Sequence[UUID] | None = None
    ) -> int:
        """Publish what waits, oldest first, and return how many events were accepted.

        What cannot be published stays for the next run; the reason is logged. It does not raise
        when SNS or the database is away: the state that the events tell of is committed. It ends
        when a topic does not answer, and begins no batch after 20 s (3 s with `only`).

        Args:
            older_than: leave younger rows alone, which their own handler is publishing.
            only: publish just these, the first hundred of them: the events of a commit, whose
                request must not wait for what others left behind.
        """
        published = 0
        end = monotonic() + (_RUN_SECONDS if only is None else _RUN_ONLY_SECONDS)
        try:
            while rows := self._claim(older_than, only):
                accepted, refused = self._publish(rows, end)
                self._settle(accepted, refused)
                published += len(accepted)
                is_cut_short = len(accepted) + len(refused) < len(rows)
                if only is not None or is_cut_short or len(rows) < _CLAIM_ROWS:
                    break
        except Exception as error:
            if not is_outage(error):
                raise
            logger.warning("outbox is out of reach, left for the schedule", exc_info=error)
        return published

    def _claim(self, older_than: timedelta, only: Sequence[UUID] | None) -> list[OutboxRow]:
        from sqlalchemy import text

        with self._engine.begin() as connection:
            rows = connection.execute(
                text(
                    "UPDATE outbox SET leased_until = now() + :lease "
                    "WHERE id IN (SELECT id FROM outbox "
                    "  WHERE created_at <= now() - CAST(:older_than AS interval) "
                    "  AND (CAST(:only AS uuid[]) IS NULL OR id = ANY(CAST(:only AS uuid[]))) "
                    "  AND (leased_until IS NULL OR leased_until < now()) "
                    "  ORDER BY id LIMIT :rows FOR UPDATE SKIP LOCKED) "
                    "RETURNING id, topic, event_type, message"
                ),
                {
                    "lease": LEASE,
                    "older_than": older_than,
                    "only": None if only is None else list(only),
                    "rows": _CLAIM_ROWS,
                },
            ).all()
        return sorted((OutboxRow(*row) for row in rows), key=lambda row: row.id)

    def _publish(self, rows: list[OutboxRow], end: float) -> tuple[set[UUID], set[UUID]]:
        """Return which rows were accepted and which refused; the others got no answer."""
        accepted: set[UUID] = set()
        refused: set[UUID] = set()
        for topic, batch in _batches(rows):
            if monotonic() > end:
                logger.warning("no time is left for the rest of the outbox")
                break
            try:
                reasons = self._publish_batch(topic, batch)
            except PublishError as error:
                logger.warning("topic is out of reach", extra={"topic": topic}, exc_info=error)
                break
            for event_id, reason in reasons.items():
                logger.error(
                    "event was refused", extra={"event_id": str(event_id), "reason": reason}
                )
            refused.update(reasons)
            accepted.update(row.id for row in batch if row.id not in reasons)
        return accepted, refused

    def _publish_batch(self, topic: str, batch: list[OutboxRow]) -> dict[UUID, str]:
        """Publish a batch, singly if it is refused as a whole; return why rows were refused."""
        try:
            return self._publisher.publish(topic, batch)
        except BatchRefusedError as error:
            if len(batch) == 1:
                return {batch[0].id: str(error)}
        reasons: dict[UUID, str] = {}
        for row in batch:
            reasons |= self._publish_batch(topic, [row])
        return reasons

    def _settle(self, accepted: set[UUID], refused: set[UUID]) -> None:
        """Delete what was accepted, let wait what was refused: 1, 2, 4 … minutes, an hour at most.

        What got no answer waits until its lease has run out.
        """
        from sqlalchemy import text

        with self._engine.begin() as connection:
            if accepted:
                connection.execute(
                    text("DELETE FROM outbox WHERE id = ANY(CAST(:ids AS uuid[]))"),
                    {"ids": list(accepted)},
                )
            if refused:
                connection.execute(
                    text(
                        "UPDATE outbox SET attempts = attempts + 1, leased_until = now() + "
                        "least(CAST(:lease AS interval) * power(2, least(attempts + 1, 20)), "
                        "CAST(:longest AS interval)) "
                        "WHERE id = ANY(CAST(:ids AS uuid[]))"
                    ),
                    {"ids": list(refused), "lease": LEASE, "longest": _LONGEST_PAUSE},
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
            row_size = len(row.message.encode()) + ATTRIBUTES_BYTES
            if batch and (len(batch) == _BATCH_ENTRIES or size + row_size > MAX_MESSAGE_BYTES):
                yield topic, batch
                batch, size = [], 0
            batch.append(row)
            size += row_size
        yield topic, batch
