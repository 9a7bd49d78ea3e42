"""Retention: old rows of the library's own tables go, a bounded number at a time."""

from typing import TYPE_CHECKING, Literal

from goldalert.http.idempotency import RETENTION_HOURS
from goldalert.messaging.tables import INBOX_RETENTION_DAYS

if TYPE_CHECKING:
    from sqlalchemy import Engine

type Table = Literal["inbox", "idempotency_keys"]

_ROWS = 5_000

_AGES = {
    "inbox": ("received_at", INBOX_RETENTION_DAYS * 24),
    "idempotency_keys": ("created_at", RETENTION_HOURS),
}
"""Column and hours that tell what is old."""


def remove_old_rows(engine: "Engine", *tables: Table) -> int:
    """Delete up to 5,000 old rows of each table; return how many were deleted.

    Example:
        >>> remove_old_rows(services().engine, "inbox")  # doctest: +SKIP
    """
    from sqlalchemy import text

    removed = 0
    for table in tables:
        column, hours = _AGES[table]
        with engine.begin() as connection:
            removed += connection.execute(
                text(
                    f"DELETE FROM {table} WHERE ctid IN (SELECT ctid FROM {table} "  # noqa: S608 - names of our own
                    f"WHERE {column} < now() - make_interval(hours => :hours) "
                    "LIMIT :rows FOR UPDATE SKIP LOCKED)"
                ),
                {"hours": hours, "rows": _ROWS},
            ).rowcount
    return removed
