"""All SQL of the logging service."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from uuid import UUID

from sqlalchemy import Connection, text

from goldalert.ids import new_id
from logging_service.domain import LogEntry, LogFilter
from logging_service.schemas import LogView

_COLUMNS = "id, service, level, message, event_type, correlation_id, timestamp, data"
_CONDITIONS = {
    "service": "service = :service",
    "level": "level = :level",
    "words": "to_tsvector('simple', message) @@ websearch_to_tsquery('simple', :words)",
    "correlation_id": "correlation_id = :correlation_id",
    "from_time": "timestamp >= :from_time",
    "to_time": "timestamp < :to_time",
    "before": "id < :before",
}


class Repository:
    """The table `application_logs`, on one transaction's connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, entries: Sequence[LogEntry]) -> None:
        """Add entries, in one statement."""
        rows = [
            asdict(entry)
            | {
                "id": str(new_id()),
                "timestamp": entry.timestamp.isoformat(),
                "user_id": entry.user_id and str(entry.user_id),
            }
            for entry in entries
        ]
        self._connection.execute(
            text(
                f"INSERT INTO application_logs ({_COLUMNS}, user_id) "  # noqa: S608 - a constant
                f"SELECT {_COLUMNS}, user_id FROM jsonb_to_recordset(CAST(:rows AS jsonb)) "
                "AS r(id uuid, service text, level text, message text, event_type text, "
                "correlation_id text, timestamp timestamptz, data jsonb, user_id uuid)"
            ),
            {"rows": json.dumps(rows)},
        )

    def newest(self, wanted: LogFilter, *, before: UUID | None, limit: int) -> list[LogView]:
        """Return entries that match, newest first."""
        values = {
            name: value
            for name, value in {**asdict(wanted), "before": before}.items()
            if value is not None
        }
        where = " AND ".join(["true", *(_CONDITIONS[name] for name in values)])
        rows = self._connection.execute(
            text(
                f"SELECT {_COLUMNS} FROM application_logs WHERE {where} "  # noqa: S608 - constants
                "ORDER BY id DESC LIMIT :limit"
            ),
            {**values, "limit": limit},
        )
        return [LogView.model_validate(row) for row in rows]

    def about(self, user_id: UUID, *, limit: int) -> list[LogView]:
        """Return what the log says about a user, newest first."""
        rows = self._connection.execute(
            text(
                f"SELECT {_COLUMNS} FROM application_logs "  # noqa: S608 - a constant
                "WHERE user_id = :user_id ORDER BY id DESC LIMIT :limit"
            ),
            {"user_id": user_id, "limit": limit},
        )
        return [LogView.model_validate(row) for row in rows]

    def erase_user(self, user_id: UUID) -> None:
        self._connection.execute(
            text("DELETE FROM application_logs WHERE user_id = :user_id"), {"user_id": user_id}
        )
