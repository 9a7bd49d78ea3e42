"""The price service on a database of its own, with a market that says what a test wants."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel
from sqlalchemy import Engine, text

from goldalert.db.engine import make_engine
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.events.catalogue import parse_event
from goldalert.events.prices import PriceUpdatedV1
from goldalert.secrets import DatabaseSecret, ServiceSecret
from price_service.bootstrap import Services
from price_service.config import PriceSettings
from price_service.domain.model import Answer, Exchange, Rate, Reason, Refusal, StoredTick
from price_service.gateways.recorded import Replay, Simulator
from price_service.handlers import (
    api,
    scheduled_fetch_price,
    scheduled_relay_outbox,
    scheduled_remove_old_rows,
    seed_history,
)
from price_service.repository import Repository
from price_service.use_cases import ticks
from price_service.use_cases.ports import Prices
from tests.support.market_day import NOON, SLOT, quotes


@dataclass
class FixedClock:
    time: datetime = NOON

    def now(self) -> datetime:
        return self.time


@dataclass
class ScriptedMarket:
    """Answers each time with the next list; the last one stays."""

    script: list[list[Answer]] = field(default_factory=list)
    asked: list[list[str]] = field(default_factory=list)

    def ask(self, exchanges: list[Exchange]) -> list[Answer]:
        self.asked.append([exchange.name for exchange in exchanges])
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]


@dataclass
class ScriptedRates:
    rates: list[Rate] = field(default_factory=list)
    asked: int = 0

    def ask(self, exchanges: list[Exchange]) -> list[Rate]:
        self.asked += 1
        return self.rates


@dataclass
class NoCache:
    invalidated: list[str] = field(default_factory=list)

    def get_or_load[Model: BaseModel](
        self,
        key: str,
        model: type[Model],
        load: Callable[[], Model],
        *,
        ttl_of: Callable[[Model], int] | None = None,
    ) -> Model:
        # through JSON, as a real cache would
        return model.model_validate_json(load().model_dump_json())

    def invalidate(self, *keys: str) -> None:
        self.invalidated.extend(keys)


@dataclass
class PriceService:
    """The service's actions with everything but what a test is about filled in."""

    engine: Engine
    unit_of_work: UnitOfWork[Prices]
    clock: FixedClock = field(default_factory=FixedClock)
    market: ScriptedMarket = field(default_factory=ScriptedMarket)
    rates: ScriptedRates = field(default_factory=ScriptedRates)
    cache: NoCache = field(default_factory=NoCache)
    simulator: Simulator | None = None
    slept: list[float] = field(default_factory=list)

    def fetch(
        self, slot: datetime = NOON, *, late: timedelta = timedelta(seconds=2), **prices: str
    ) -> StoredTick | None:
        """Fetch a slot's tick. Prices are what the sources say then; none: all are down.

        Args:
            late: how long after the slot that is.
        """
        if prices:
            self.market.script = [list(quotes(slot + late, **prices))]
        elif not self.market.script:
            self.market.script = [[Refusal("swissquote", "swissquote", Reason.TIMED_OUT)]]
        self.clock.time = slot + late
        return ticks.fetch_tick(
            self.unit_of_work,
            self.clock,
            self.market,
            self.rates,
            self.simulator,
            self.cache,
            self.sleep,
            slot=slot,
            slot_length=SLOT,
        )

    def replay(self, folder: Path, *rows: str) -> list[StoredTick]:
        """Play rows of `timestamp,price`, each with its own slot, in round exchange rates."""
        path = folder / "prices.csv"
        path.write_text("\n".join(["timestamp,price", *rows, ""]))
        playing = Replay("local", f"{path}?speed={len(rows)}")
        return ticks.replay_ticks(self.unit_of_work, self.clock, playing, self.cache)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.time += timedelta(seconds=seconds)

    def published(self) -> list[PriceUpdatedV1]:
        messages = self.rows("SELECT message FROM outbox ORDER BY id")
        return [parse_event(message) for (message,) in messages]

    def rows(self, statement: str) -> list[tuple]:
        with self.engine.begin() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]


@pytest.fixture
def prices(database: Callable[[str], DatabaseSecret]) -> Iterator[PriceService]:
    engine = make_engine(database("price_service"))
    yield PriceService(engine, UnitOfWork(engine, Repository))
    engine.dispose()


@pytest.fixture
def simulated(prices: PriceService) -> PriceService:
    prices.simulator = Simulator("local", seed=7, step=SLOT)
    return prices


class NoRelay:
    """What is published stays in the outbox."""

    def run(self, **_: object) -> int:
        return 0


@pytest.fixture
def services(
    prices, database, redis_url: Callable[[int], str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Services]:
    """The service as it is put together in a function, on this test's stores."""
    settings = PriceSettings(
        stage="local",
        powertools_service_name="price_service",
        service_secret="",
        topic_arn_prefix="",
        slot_seconds=300,
    )
    made = Services(settings)
    url = prices.engine.url
    made.secret = ServiceSecret(
        database=DatabaseSecret(
            host=url.host,
            port=url.port,
            user=url.username,
            password=url.password,
            dbname=url.database,
            sslmode="disable",
        ),
        redis_url=redis_url(2),
    )
    made.clock = prices.clock
    made.relay = NoRelay()
    for module in (
        api,
        scheduled_fetch_price,
        scheduled_relay_outbox,
        scheduled_remove_old_rows,
        seed_history,
    ):
        monkeypatch.setattr(module, "services", lambda: made)
    prices.cache = made.cache
    yield made
    made.engine.dispose()
    made.redis.client.close()
