"""Erasure of a user: what is gone stays gone, in whatever order the messages come.

An erased user leaves a tombstone in every service. Whoever stores something about users asks for
the living ones first, in the same transaction; erasing and storing wait for each other.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING
from uuid import UUID

from goldalert.errors import UnavailableError
from goldalert.events.catalogue import AnyEvent, parse_event
from goldalert.events.users import UserErasedData, UserErasedV1
from goldalert.messaging.relay import LEASE

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from goldalert.clock import Clock
    from goldalert.db.unit_of_work import Transaction

CREATE_ERASED_USERS = """
CREATE TABLE erased_users (
    user_id uuid PRIMARY KEY,
    erased_at timestamptz NOT NULL DEFAULT now()
)
"""


class StillPublishingError(UnavailableError):
    """Events about the user are on their way to SNS; the erasure is tried again after that."""


def mark_erased(connection: "Connection", user_id: UUID) -> None:
    """Leave a user's tombstone; nothing is stored about them from this transaction on.

    Args:
        connection: in the transaction that erases the user's rows, before it does so.
        user_id: who is to be erased.
    """
    from sqlalchemy import text

    connection.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:user_id, 0))"),
        {"user_id": str(user_id)},
    )
    connection.execute(
        text("INSERT INTO erased_users (user_id) VALUES (:user_id) ON CONFLICT DO NOTHING"),
        {"user_id": user_id},
    )


def living_users(connection: "Connection", user_ids: Collection[UUID]) -> set[UUID]:
    """Return those of the users who were not erased, and keep them so until the commit.

    Args:
        connection: in the transaction that stores something about the users.
        user_ids: whom it is about.

    Example:
        >>> living = living_users(tx.connection, {t.user_id for t in triggers})  # doctest: +SKIP
    """
    if not user_ids:
        return set()
    from sqlalchemy import text

    ids = {"ids": list(user_ids)}
    connection.execute(
        text(
            "SELECT pg_advisory_xact_lock_shared(hashtextextended(id::text, 0)) "
            "FROM unnest(CAST(:ids AS uuid[])) AS u(id)"
        ),
        ids,
    )
    # a statement of its own: it sees what was committed while the first one waited
    erased = connection.execute(
        text("SELECT user_id FROM erased_users WHERE user_id = ANY(CAST(:ids AS uuid[]))"), ids
    ).scalars()
    return set(user_ids) - set(erased)


def is_living(connection: "Connection", user_id: UUID) -> bool:
    """Say whether a user was not erased, and keep it so until the commit (`living_users`).

    Example:
        >>> if is_living(tx.connection, data.user_id):  # doctest: +SKIP
        ...     tx.repository.add_user(data.user_id)
    """
    return user_id in living_users(connection, [user_id])


def publish_erased[Repository](
    tx: "Transaction[Repository]", clock: "Clock", *, producer: str, event: AnyEvent
) -> None:
    """Say that a service has erased a user.

    Args:
        tx: the transaction that erases the user's rows.
        clock: when it is done.
        producer: the service.
        event: the `user_deleted` that is answered.
    """
    tx.publish(
        UserErasedV1(
            occurred_at=clock.now(),
            producer=producer,
            correlation_id=event.correlation_id,
            data=UserErasedData(user_id=event.data.user_id),
        )
    )


def recall(connection: "Connection", user_id: UUID) -> list[AnyEvent]:
    """Take back and return the events about a user that wait in the outbox.

    What is also about others is for the caller to publish again, without the user. News of an
    erasure stays: somebody waits for it.

    Args:
        connection: in the transaction that erases the user, after everything that could publish
            about them is kept from it.
        user_id: who is to be erased.

    Raises:
        StillPublishingError: a relay has one of the events just now.
    """
    from sqlalchemy import text

    rows = connection.execute(
        # a longer lease is the pause of an event that was refused
        text(
            "SELECT id, message, coalesce(leased_until BETWEEN clock_timestamp() "
            "  AND clock_timestamp() + CAST(:lease AS interval), false) AS is_leased "
            "FROM outbox WHERE position(:user_id IN message) > 0 "
            "AND event_type <> 'user_erased' ORDER BY id FOR UPDATE"
        ),
        {"user_id": str(user_id), "lease": LEASE},
    ).all()
    if any(row.is_leased for row in rows):
        raise StillPublishingError("Events about the user are being published.")
    connection.execute(
        text("DELETE FROM outbox WHERE id = ANY(CAST(:ids AS uuid[]))"),
        {"ids": [row.id for row in rows]},
    )
    return [parse_event(row.message) for row in rows]
