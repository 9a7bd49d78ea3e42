"""Erasure of a user: what is gone stays gone, in whatever order the messages come.

An erased user leaves a tombstone in every service. Whoever stores something about users asks for
the living ones first, in the same transaction; erasing and storing wait for each other.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from sqlalchemy import Connection

CREATE_ERASED_USERS = """
CREATE TABLE erased_users (
    user_id uuid PRIMARY KEY,
    erased_at timestamptz NOT NULL DEFAULT now()
)
"""


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
        >>> if data.user_id in living_users(tx.connection, [data.user_id]):  # doctest: +SKIP
        ...     tx.repository.add_user(data.user_id)
    """
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
