"""What the use cases need from outside."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from pydantic import BaseModel

from goldalert.money import Currency
from price_service.domain.candles import Candle, Interval
from price_service.domain.health import SourceHealth
from price_service.domain.model import (
    Answer,
    Exchange,
    HistoryEntry,
    Rate,
    RecordedPrice,
    StoredTick,
)

PRODUCER = "price_service"


class Prices(Protocol):
    """The tables of price_db, in one transaction."""

    def lock_ticks(self) -> None: ...
    def last_tick(self) -> StoredTick | None: ...
    def last_ticks(self, limit: int) -> list[StoredTick]: ...
    def last_tick_at(self, moment: datetime) -> StoredTick | None: ...
    def slots_since(self, moment: datetime) -> list[datetime]: ...
    def tick(self, tick_id: UUID) -> StoredTick | None: ...
    def add_tick(self, stored: StoredTick) -> None: ...
    def add_change(self, stored: StoredTick, old_value: Decimal | None) -> None: ...
    def add_to_candles(self, stored: StoredTick) -> None: ...
    def candles(
        self,
        currency: Currency,
        interval: Interval,
        *,
        since: datetime | None,
        until: datetime | None,
        limit: int,
    ) -> list[Candle]: ...
    def add_months(self, months: Sequence[RecordedPrice], source: str) -> int: ...
    def last_known_price(self) -> Decimal | None: ...
    def history(
        self,
        currency: Currency,
        *,
        since: datetime | None,
        until: datetime | None,
        after: UUID | None,
        limit: int,
    ) -> list[HistoryEntry]: ...
    def exchanges(self) -> list[Exchange]: ...
    def lock_exchanges(self) -> None: ...
    def add_exchange(self, exchange: Exchange) -> None: ...
    def save_exchange(self, exchange: Exchange) -> None: ...
    def delete_exchange(self, exchange_id: UUID) -> None: ...
    def latest_rates(self) -> list[Rate]: ...
    def rates_fetched_at(self) -> datetime | None: ...
    def add_rates(self, rates: Iterable[Rate], fetched_at: datetime) -> None: ...
    def health(self) -> list[SourceHealth]: ...
    def save_health(self, health: Iterable[SourceHealth]) -> None: ...
    def remove_old_rows(self, *, before: datetime, hours_before: datetime, limit: int) -> int: ...
    def keep_candle_partitions(self, kept: timedelta) -> None: ...


class Cache(Protocol):
    """Keeps copies of what the database says."""

    def get_or_load[Model: BaseModel](
        self,
        key: str,
        model: type[Model],
        load: Callable[[], Model],
        *,
        ttl_of: Callable[[Model], int] | None = None,
    ) -> Model: ...
    def invalidate(self, *keys: str) -> None: ...


class Market(Protocol):
    """Asks the price sources among the exchanges, all at once."""

    def ask(self, exchanges: Sequence[Exchange]) -> list[Answer]: ...


class ExchangeRates(Protocol):
    """Asks the sources of exchange rates among the exchanges, all at once."""

    def ask(self, exchanges: Sequence[Exchange]) -> list[Rate]: ...


class Replay(Protocol):
    """Gives recorded prices, one after the other, and exchange rates for them."""

    speed: int

    def next_after(self, last: datetime | None) -> RecordedPrice | None: ...
    def rates(self, as_of: date) -> list[Rate]: ...


class Simulator(Protocol):
    """Invents prices and exchange rates, on a local machine."""

    def step(self, last: Decimal, slot: datetime) -> Decimal: ...
    def rates(self, as_of: date) -> list[Rate]: ...


class FetchFunction(Protocol):
    """Has a tick fetched, and waits for none."""

    def start(self, slot: datetime) -> None: ...
