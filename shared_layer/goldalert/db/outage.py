"""Telling a database that is away from a statement that is wrong."""

import sys

_PASSING_STATES = ("08", "53", "57P", "57014", "40P01", "55P03", "28P01")
"""SQLSTATEs, or how they begin: connection exception, insufficient resources, operator
intervention; statement timed out, deadlock, lock not available, a password that was just rotated
(https://www.postgresql.org/docs/current/errcodes-appendix.html)."""


def is_outage(error: BaseException) -> bool:
    """Say whether a new try later can succeed: the server is away, full, busy or shutting down."""
    sqlalchemy = sys.modules.get("sqlalchemy.exc")
    if sqlalchemy is None:  # nothing can have asked the database
        return False
    if isinstance(error, sqlalchemy.TimeoutError):  # no connection left in the pool
        return True
    if not isinstance(error, sqlalchemy.DBAPIError):
        return False
    if error.connection_invalidated or isinstance(error, sqlalchemy.InterfaceError):
        return True
    return isinstance(error.orig, OSError) or sqlstate(error.orig).startswith(_PASSING_STATES)


def sqlstate(error: BaseException | None) -> str:
    """Return the SQLSTATE of an error of the driver, or "" if the server sent none."""
    details = error.args[0] if error and error.args else None
    return str(details.get("C", "")) if isinstance(details, dict) else ""
