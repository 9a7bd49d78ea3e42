"""Bases of the request and response models."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict


def _refuse_null_character(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain a null character")
    return text


Text = Annotated[str, AfterValidator(_refuse_null_character)]
"""Any text that PostgreSQL can store: all but the null character.

Example:
    >>> Name = Annotated[Text, StringConstraints(min_length=1, max_length=100)]  # doctest: +SKIP
"""


def _to_utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError("must lie within the years 1 to 9999 in UTC") from None


Time = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""A time with its zone, which becomes UTC. No database takes one that has no place there."""


def unsent() -> Any:
    """Make a field optional without allowing a null: defaults are not validated, nor sent on.

    Example:
        >>> class Change(RequestBody):
        ...     name: Text = Field(default_factory=unsent)
    """
    return None


class RequestBody(BaseModel):
    """A body that a client sends. Unknown fields are refused (S9), and no log quotes it (S15)."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, hide_input_in_errors=True
    )


class View(BaseModel):
    """What a client gets to see: an explicit list of fields, never a row as it is."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Page[Item: BaseModel](BaseModel):
    """One page of a list. `next_cursor` is null on the last one."""

    model_config = ConfigDict(frozen=True)

    items: list[Item]
    next_cursor: str | None = None
