"""All SQL of the admin service."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from admin_service.domain import Entry, Fact, Link

_ENTRY = "sequence, id, admin_id, action, target, timestamp, correlation_id, data, hash"


class Repository:
    """The table `audit_logs`, on one transaction's connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lock_chain(self) -> Link:
        """Let nobody else append until the transaction ends; return where the chain goes on."""
        self._connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('audit_logs'))"))
        row = self._connection.execute(
            text("SELECT sequence, hash FROM audit_logs ORDER BY sequence DESC LIMIT 1")
        ).first()
        return Link(*row) if row else Link()

    def append(self, entries: Sequence[Entry]) -> None:
        """Add entries, in one statement."""
        rows = [
            {
                "sequence": entry.sequence,
                "id": str(entry.fact.id),
                "admin_id": entry.fact.admin_id and str(entry.fact.admin_id),
                "action": entry.fact.action,
                "target": entry.fact.target,
                "timestamp": entry.fact.timestamp.isoformat(),
                "correlation_id": entry.fact.correlation_id,
                "data": dict(entry.fact.data),
                "hash": entry.hash,
            }
            for entry in entries
        ]
        self._connection.execute(
            text(
                f"INSERT INTO audit_logs ({_ENTRY}) SELECT {_ENTRY} "  # noqa: S608 - a constant
                "FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(sequence bigint, id uuid, "
                "admin_id uuid, action text, target text, timestamp timestamptz, "
                "correlation_id text, data jsonb, hash text)"
            ),
            {"rows": json.dumps(rows)},
        )

    def newest(
        self,
        *,
        action: str | None,
        target: str | None,
        correlation_id: str | None,
        before: UUID | None,
        limit: int,
    ) -> list[Entry]:
        """Return entries, newest first."""
        filters = {
            "action = :action": action,
            "target = :target": target,
            "correlation_id = :correlation_id": correlation_id,
        }
        wanted = [condition for condition, value in filters.items() if value is not None]
        if before is not None:
            wanted.append("id < :before")
        where = f"WHERE {' AND '.join(wanted)}" if wanted else ""
        rows = self._connection.execute(
            text(
                f"SELECT {_ENTRY} FROM audit_logs {where} "  # noqa: S608 - constants
                "ORDER BY id DESC LIMIT :limit"
            ),
            {
                "action": action,
                "target": target,
                "correlation_id": correlation_id,
                "before": before,
                "limit": limit,
            },
        )
        return [_entry(row) for row in rows]

    def about(self, user_id: UUID, *, limit: int) -> list[Entry]:
        """Return the entries that name a user, newest first."""
        rows = self._connection.execute(
            text(
                f"SELECT {_ENTRY} FROM audit_logs WHERE target = :target "  # noqa: S608 - a constant
                "OR admin_id = :user_id OR data ->> 'user_id' = :owner "
                "ORDER BY id DESC LIMIT :limit"
            ),
            {
                "target": f"user:{user_id}",
                "user_id": user_id,
                "owner": str(user_id),
                "limit": limit,
            },
        )
        return [_entry(row) for row in rows]

    def link(self, entry_id: UUID) -> Link | None:
        row = self._connection.execute(
            text("SELECT sequence, hash FROM audit_logs WHERE id = :id"), {"id": entry_id}
        ).first()
        return Link(*row) if row else None

    def following(self, sequence: int, limit: int) -> list[Entry]:
        """Return the entries after a place in the chain, in the chain's order."""
        rows = self._connection.execute(
            text(
                f"SELECT {_ENTRY} FROM audit_logs WHERE sequence > :sequence "  # noqa: S608
                "ORDER BY sequence LIMIT :limit"
            ),
            {"sequence": sequence, "limit": limit},
        )
        return [_entry(row) for row in rows]


def _entry(row: Row[Any]) -> Entry:
    fact = Fact(
        id=row.id,
        admin_id=row.admin_id,
        action=row.action,
        target=row.target,
        timestamp=row.timestamp,
        correlation_id=row.correlation_id,
        data=row.data,
    )
    return Entry(row.sequence, fact, row.hash)
