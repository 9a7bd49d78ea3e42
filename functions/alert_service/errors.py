"""What can go wrong with an alert, and with a tick."""

from goldalert.errors import ConflictError


class AlreadyTrueError(ConflictError):
    """The condition holds already, and the caller asked to be refused then."""

    code = "already_true"


class TooManyAlertsError(ConflictError):
    """The user has as many alerts, or active ones, as are allowed."""

    code = "too_many_alerts"


class NotActiveError(ConflictError):
    """The alert's state does not allow what was asked."""

    code = "not_active"


class InvalidTickError(Exception):
    """A tick that no engine can apply. Its message belongs in the dead-letter queue."""


class SeriesBusyError(Exception):
    """Another worker has a series. The message comes back and finds its tick applied by then."""
