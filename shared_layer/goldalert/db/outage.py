"""Telling a database that is away from a statement that is wrong."""

import sys

_CONNECTION_STATES = ("08", "53", "57P")
"""SQLSTATE classes: connection exception, insufficient resources, operator intervention
(https://www.postgresql.org/docs/current/errcodes-appendix.html)."""


def is_outage(error: BaseException) -> bool:
    """Say whether a new try later can succeed: the server is away, full or shutting down."""
    sqlalchemy = sys.modules.get("sqlalchemy.exc")
    if sqlalchemy is None:  # nothing can have asked the database
        return False
    if isinstance(error, sqlalchemy.TimeoutError):  # no connection left in the pool
        return True
    if not isinstance(error, sqlalchemy.DBAPIError):
        return False
    if error.connection_invalidated or isinstance(error, sqlalchemy.InterfaceError):
        return True
    details = error.orig.args[0] if error.orig and error.orig.args else None
    if not isinstance(details, dict):
        return isinstance(error.orig, OSError)
    return str(details.get("C", "")).startswith(_CONNECTION_STATES)
