"""The keys of sources that want one, and how often each may be used."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
    SecretStr,
    ValidationError,
)

from goldalert.cache.client import RedisDatabase
from goldalert.errors import UnavailableError
from goldalert.observability.log import logger

FREE_PLAN_MINUTES = 480
"""The free plans of the sources that want a key allow about a hundred requests a month."""

_EARLY = 30
"""Seconds; one slot is a little earlier than the next."""


def _printable(key: SecretStr) -> SecretStr:
    # an error of http.client would quote a header that it cannot send
    if not re.fullmatch(r"[!-~]+", key.get_secret_value()):
        raise ValueError("must be printable ASCII, without spaces")
    return key


class SourceKey(BaseModel):
    """A key, and how often a plan lets it be used. 0 minutes: whenever sources are asked."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key: Annotated[SecretStr, AfterValidator(_printable)]
    minutes_between_requests: int = Field(default=FREE_PLAN_MINUTES, ge=0, le=44_640)

    @property
    def is_counted(self) -> bool:
        """Whether its plan counts requests."""
        return self.minutes_between_requests > 0


def _plain_key(entry: object) -> object:
    return {"key": entry} if isinstance(entry, str) else entry


class SourceKeysSecret(RootModel[dict[str, Annotated[SourceKey, BeforeValidator(_plain_key)]]]):
    """Keys by adapter: `{"goldapi_io": "<key>"}`.

    Where the plan allows more than the free one,
    `{"goldapi_io": {"key": "<key>", "minutes_between_requests": 5}}`.
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)


class SourceKeys:
    """Gives keys out, no more often than they may be used.

    Args:
        read: gets the keys by adapter.
        database: remembers when a source was asked. While it is away, only those are asked that
            may be asked always: a month's requests are not spent on an outage of ours.
    """

    def __init__(
        self, read: Callable[[], Mapping[str, SourceKey]], database: RedisDatabase
    ) -> None:
        self._read = read
        self._database = database

    def current(self) -> Mapping[str, SourceKey]:
        """Return the keys by adapter; none, and a line in the log, when they cannot be read."""
        try:
            return self._read()
        except (UnavailableError, ValidationError) as error:
            # prices come from the other sources; what is wrong is said without the secret
            logger.error("no keys of sources", extra={"error": type(error).__name__})
            return {}

    def take(self, source: str, key: SourceKey) -> bool:
        """Say whether a source may be asked now. If so, it may not be again for a while."""
        if not key.is_counted:
            return True
        seconds = key.minutes_between_requests * 60 - _EARLY
        with self._database.attempt() as redis:
            if redis is not None:
                return bool(redis.set(f"asked:{source}", 1, ex=seconds, nx=True))
        return False
