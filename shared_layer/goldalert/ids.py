"""Identifiers of rows, events and requests."""

from uuid import UUID


def new_id() -> UUID:
    """Return a new UUIDv7 (RFC 9562 §5.7).

    Its first 48 bits are the time in milliseconds, so that ids sort by creation and index pages
    fill in order.

    Example:
        >>> new_id().version
        7
    """
    from uuid6 import uuid7

    # the library returns a subclass, which the database driver does not know
    return UUID(int=uuid7().int)
