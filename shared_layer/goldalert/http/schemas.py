"""Bases of the request and response models."""

from pydantic import BaseModel, ConfigDict


class RequestBody(BaseModel):
    """A body that a client sends. Unknown fields are refused (quality row S9)."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class View(BaseModel):
    """What a client gets to see: an explicit list of fields, never a row as it is."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Page[Item: BaseModel](BaseModel):
    """One page of a list. `next_cursor` is null on the last one."""

    model_config = ConfigDict(frozen=True)

    items: list[Item]
    next_cursor: str | None = None
