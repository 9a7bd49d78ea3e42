"""Ranges of lists: cursor paging over UUIDv7 ids, and times.

A cursor is stable while rows are added, and a page one range of an index.
"""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import BaseModel

from goldalert.errors import InvalidFieldError
from goldalert.http.schemas import Page, Time

MAX_LIMIT = 100

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Items per page.")]
Cursor = Annotated[str | None, Query(max_length=64, description="`next_cursor` of the last page.")]
From = Annotated[Time | None, Query(alias="from", description="Inclusive.")]
To = Annotated[Time | None, Query(alias="to", description="Exclusive.")]


def decode_cursor(cursor: str | None) -> UUID | None:
    """Return the id after which the page begins, or None for the first page.

    Raises:
        InvalidFieldError: the cursor is not one of ours.
    """
    if cursor is None:
        return None
    try:
        return UUID(bytes=base64.urlsafe_b64decode(f"{cursor}=="))
    except (ValueError, binascii.Error):
        raise InvalidFieldError("cursor", "This is not a cursor of ours.") from None


def encode_cursor(last_id: UUID) -> str:
    """Return the cursor of the page that begins after `last_id`.

    Example:
        >>> decode_cursor(encode_cursor(UUID(int=7)))
        UUID('00000000-0000-0000-0000-000000000007')
    """
    return base64.urlsafe_b64encode(last_id.bytes).decode().rstrip("=")


def make_page[Row, Item: BaseModel](
    rows: Sequence[Row], *, limit: int, view: Callable[[Row], Item], id_of: Callable[[Row], UUID]
) -> Page[Item]:
    """Make a page of the first `limit` rows.

    Args:
        rows: up to `limit + 1` rows; the one too many shows that there is a next page.
        limit: items on the page.
        view: makes an item of a row.
        id_of: the id that the rows are ordered by.
    """
    items = rows[:limit]
    more = len(rows) > limit
    return Page(
        items=[view(row) for row in items],
        next_cursor=encode_cursor(id_of(items[-1])) if more else None,
    )
