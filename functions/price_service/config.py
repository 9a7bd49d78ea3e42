"""The settings of the price service."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from goldalert.settings import Settings

CACHE_SECONDS = 300

CURRENT_KEY = "price:current"
"""The key of the last tick in the cache: reading keeps it, a new tick forgets it."""

OVERDUE_SECONDS = 30
"""How long the last tick is kept from when the next one is due, and so may be wrong: whoever stores
the next one can die, or lose Redis, before it forgets this one."""

HISTORY_PAGE = 50

CANDLES_AT_MOST = 2_016
"""Candles in one answer: a week of five minutes."""

CANDLES_BY_DEFAULT = 100

TICKS_KEPT = timedelta(days=400)
"""How long ticks, their history, exchange rates and candles of five minutes are kept: a year back
from any day of the month."""

HOURS_KEPT = timedelta(days=5 * 366)
"""How long candles of an hour are kept. Those of days, weeks and months stay."""

ROWS_REMOVED = 5_000
"""How many old rows of a table are removed at a time; an hour brings a hundred."""

ASK_SECONDS = 6.0
"""What the sources have to answer in, all at once."""

ASK_RATES_SECONDS = 2.5
"""What the sources of exchange rates have to answer in, all at once."""

RATES_OLD = timedelta(days=5)
"""Older exchange rates are reported: a long weekend is shorter. So says the template's alarm."""

SIMULATOR_SEED = 2026

MAX_EXCHANGES = 32
"""How many sources there may be: all are asked at once, each in a thread of its own."""


class PriceSettings(Settings):
    """What the price functions are told.

    Attributes:
        slot_seconds: the time from one tick to the next.
        source_keys_secret: the secret with the keys of the sources that want one, by adapter.
        fetch_function: the name of the function that fetches a tick, for admins who cannot wait.
        price_sources: empty for live sources; on the stage `local` also
            `replay:<path>[@YYYY-MM][?speed=<rows>]`: where to begin, and how many rows each call
            of the schedule plays. A bare file name is one of `data/`.
    """

    slot_seconds: Annotated[int, Field(gt=0)]
    source_keys_secret: str = ""
    fetch_function: str = ""
    price_sources: Annotated[str, Field(pattern=r"^(replay:[^?]+(\?speed=[1-9][0-9]{0,2})?)?$")] = (
        ""
    )

    @model_validator(mode="after")
    def _replay_is_local(self) -> Self:
        if self.price_sources and self.stage != "local":
            raise ValueError("PRICE_SOURCES is for the stage local only")
        return self

    @property
    def slot_length(self) -> timedelta:
        return timedelta(seconds=self.slot_seconds)
