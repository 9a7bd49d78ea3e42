"""A service's part of what a user gets who asks for everything that is held about them."""

from collections.abc import Sequence
from itertools import accumulate, takewhile

from pydantic import BaseModel, JsonValue

EXPORT_ROWS = 10_000
"""Rows of one kind that are read at most; ask the database for one more, to know of the rest."""

EXPORT_BYTES = 600_000
"""Bytes of one service's part. Lambda answers with 6 MB at most, and the export has seven parts."""


def make_part(**kinds: Sequence[BaseModel]) -> dict[str, JsonValue]:
    """Return a part of the export as JSON, cut at the end where it is too long.

    Args:
        kinds: what is held, by its name, newest first: up to `EXPORT_ROWS + 1` rows of each.

    Returns:
        A list for each kind, and `truncated`: whether anything was left out.

    Example:
        >>> class Note(BaseModel):
        ...     text: str
        >>> make_part(notes=[Note(text="sell")])
        {'notes': [{'text': 'sell'}], 'truncated': False}
    """
    room = EXPORT_BYTES // len(kinds)
    part: dict[str, JsonValue] = {}
    truncated = False
    for kind, rows in kinds.items():
        sizes = (len(row.model_dump_json().encode()) + len(",") for row in rows[:EXPORT_ROWS])
        fitting = sum(1 for _ in takewhile(lambda size: size <= room, accumulate(sizes)))
        part[kind] = [row.model_dump(mode="json") for row in rows[:fitting]]
        truncated = truncated or fitting < len(rows)
    return part | {"truncated": truncated}
