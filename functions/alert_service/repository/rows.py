"""What the parts of the repository have in common."""

from typing import Any

from sqlalchemy import Connection, CursorResult, text


class Rows:
    """Statements on one transaction's connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _run(self, statement: str, **parameters: object) -> CursorResult[Any]:
        return self._connection.execute(text(statement), parameters)
