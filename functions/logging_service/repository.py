"""All SQL of the logging service."""

import json
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

    def add(self, entry: LogEntry) -> None:
        self._connection.execute(
            text(
                f"INSERT INTO application_logs ({_COLUMNS}) "  # noqa: S608 - a constant
                "VALUES (:id, :service, :level, :message, :event_type, :correlation_id, "
                ":timestamp, CAST(:data AS jsonb))"
            ),
            {**asdict(entry), "id": new_id(), "data": json.dumps(dict(entry.data))},
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
