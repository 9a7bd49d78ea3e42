"""The time, as an argument: rules never ask the system for it."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time. Tests pass a clock of their own."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC.

        Example:
            >>> SystemClock().now().tzinfo
            datetime.timezone.utc
        """
        return datetime.now(UTC)
