"""A world with one alert service: its actions, its database, and a clock that tests move."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, event, text

from alert_service.bootstrap import Services
from alert_service.config import AlertSettings
from alert_service.domain.series import StoredTick, checked_prices
from alert_service.repository import Repository
from alert_service.schemas import AlertView, ChangeAlertRequest, CreateAlertRequest, SnoozeRequest
from alert_service.use_cases import apply_ticks, manage_alerts, rearm
from goldalert.cache.cache_aside import Cache
from goldalert.cache.client import RedisDatabase
from goldalert.db.engine import make_engine
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.events.alerts import AlertTriggeredV1
from goldalert.events.catalogue import parse_event
from goldalert.events.prices import PriceUpdatedData, PriceUpdatedV1, Tick, TickState
from goldalert.ids import new_id
from goldalert.secrets import DatabaseSecret, ServiceSecret

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ADA = UUID(int=1)
NO_REDIS = "redis://127.0.0.1:1/3"


@dataclass
class MovableClock:
    time: datetime = NOON

    def now(self) -> datetime:
        return self.time


@dataclass
class World:
    """The service's actions with everything but what a test is about filled in."""

    engine: Engine
    clock: MovableClock = field(default_factory=MovableClock)
    cache: Cache = field(default_factory=lambda: Cache(RedisDatabase(NO_REDIS), ttl_seconds=1))

    @property
    def unit_of_work(self) -> UnitOfWork[Any]:
        return UnitOfWork(self.engine, Repository)

    def create(
        self,
        alert_type: str = "above",
        threshold: str | None = "100",
        *,
        user_id: UUID = ADA,
        key: str | None = None,
        max_active: int = 100,
        max_alerts: int = 1000,
        **fields: object,
    ) -> AlertView:
        return manage_alerts.create_alert(
            self.unit_of_work,
            self.cache,
            self.clock,
            user_id=user_id,
            request=CreateAlertRequest.model_validate(
                {"alert_type": alert_type, "threshold": threshold, **fields}
            ),
            idempotency_key=key,
            max_active=max_active,
            max_alerts=max_alerts,
        )

    def change(
        self, alert: AlertView, *, user_id: UUID = ADA, max_active: int = 100, **fields: object
    ) -> AlertView:
        return manage_alerts.change_alert(
            self.unit_of_work,
            self.cache,
            self.clock,
            user_id=user_id,
            alert_id=alert.id,
            request=ChangeAlertRequest.model_validate(fields),
            max_active=max_active,
        )

    def get(self, alert: AlertView, user_id: UUID = ADA) -> AlertView:
        return manage_alerts.get_alert(
            self.unit_of_work, self.cache, self.clock, user_id=user_id, alert_id=alert.id
        )

    def pause(self, alert: AlertView, user_id: UUID = ADA) -> AlertView:
        return manage_alerts.pause_alert(
            self.unit_of_work, self.cache, self.clock, user_id=user_id, alert_id=alert.id
        )

    def snooze(self, alert: AlertView, until: datetime, user_id: UUID = ADA) -> AlertView:
        return manage_alerts.snooze_alert(
            self.unit_of_work,
            self.cache,
            self.clock,
            user_id=user_id,
            alert_id=alert.id,
            request=SnoozeRequest(until=until),
        )

    def resume(self, alert: AlertView, user_id: UUID = ADA, max_active: int = 100) -> AlertView:
        return manage_alerts.resume_alert(
            self.unit_of_work,
            self.cache,
            self.clock,
            user_id=user_id,
            alert_id=alert.id,
            max_active=max_active,
        )

    def delete(self, alert: AlertView, user_id: UUID = ADA) -> None:
        manage_alerts.delete_alert(
            self.unit_of_work, self.cache, user_id=user_id, alert_id=alert.id
        )

    def deliver(self, event: PriceUpdatedV1, has_time: Callable[[], bool] = lambda: True) -> None:
        apply_ticks.on_price_updated(self.unit_of_work, self.cache, self.clock, event, has_time)

    def apply_due(self) -> None:
        """Do what `scheduled_apply_ticks` does every minute."""
        apply_ticks.apply_due_ticks(self.unit_of_work, self.cache, self.clock, lambda: True)

    def rearm(self) -> None:
        """Do what `scheduled_rearm` does every minute."""
        rearm.rearm_by_clock(self.unit_of_work, self.cache, self.clock, lambda: True)
        rearm.expire_alerts(self.unit_of_work, self.cache, self.clock, lambda: True)
        rearm.tidy_series(self.unit_of_work)

    def tick(self, sequence: int, price: str, state: TickState = "fresh") -> PriceUpdatedV1:
        """Deliver a tick of USD and return its event."""
        event = make_tick(sequence, {"USD": Decimal(price)}, state)
        self.deliver(event)
        return event

    def fired(self) -> list[tuple[UUID, int]]:
        """Return every trigger in the history as alert and sequence of the tick."""
        return [
            (row.alert_id, row.sequence)
            for row in self.sql(
                "SELECT h.alert_id, CAST(t.facts ->> 'sequence' AS bigint) AS sequence "
                "FROM alert_history h JOIN ticks t USING (tick_id) ORDER BY 2, 1"
            )
        ]

    def published(self) -> list[AlertTriggeredV1]:
        return [
            parse_event(row.message)  # type: ignore[misc]
            for row in self.sql("SELECT message FROM outbox ORDER BY id")
        ]

    def told(self) -> list[tuple[UUID, int]]:
        """Return every trigger in the published events, as `fired` does."""
        return sorted(
            (
                (trigger.alert_id, event.data.tick.sequence)
                for event in self.published()
                for trigger in event.data.triggers
            ),
            key=lambda pair: (pair[1], pair[0]),
        )

    def armed(self) -> set[UUID]:
        return {row.alert_id for row in self.sql("SELECT alert_id FROM thresholds")}

    def series(self, name: str = "price:USD") -> Any:
        [row] = self.sql("SELECT * FROM series WHERE name = :name", name=name)
        return row

    def end_leases(self) -> None:
        """Let as much time pass as a dead worker's lease lasts."""
        self.sql("UPDATE series SET leased_until = now() - interval '1 second' RETURNING 1")

    def sql(self, statement: str, **parameters: object) -> list[Any]:
        with self.engine.begin() as connection:
            return list(connection.execute(text(statement), parameters).all())


def make_tick(
    sequence: int, prices: Mapping[str, Decimal], state: TickState = "fresh"
) -> PriceUpdatedV1:
    return PriceUpdatedV1(
        occurred_at=NOON,
        producer="price_service",
        correlation_id=f"tick-{sequence:08}",
        data=PriceUpdatedData(
            tick=Tick(
                tick_id=new_id(),
                sequence=sequence,
                slot=NOON + timedelta(minutes=5 * sequence),
                state=state,
                origin="live",
                sources=["swissquote", "coinbase"],
                counted=2,
                agreeing=2,
                spread_bps=Decimal("1.5"),
            ),
            prices=dict(prices),
        ),
    )


def stored(event: PriceUpdatedV1) -> StoredTick:
    return StoredTick(event.data.tick, checked_prices(event.data.prices), event.correlation_id)


class Killed(BaseException):
    """A kill: nothing of the worker's own runs after it."""


@contextmanager
def killed_at(world: World, step: int) -> Iterator[None]:
    """Kill the world's worker before its `step`th statement or commit."""
    count = 0

    def before(*_: object) -> None:
        nonlocal count
        count += 1
        if count >= step:
            raise Killed

    for name in ("before_cursor_execute", "commit"):
        event.listen(world.engine, name, before)
    try:
        yield
    finally:
        for name in ("before_cursor_execute", "commit"):
            event.remove(world.engine, name, before)


@pytest.fixture
def world(database: Callable[[str], DatabaseSecret]) -> Iterator[World]:
    engine = make_engine(database("alert_service"))
    yield World(engine)
    engine.dispose()


class NoRelay:
    def run(self, **_: object) -> int:
        return 0


@pytest.fixture
def services(
    database: Callable[[str], DatabaseSecret],
) -> Iterator[Services]:
    """What the handlers work with; what they publish stays in the outbox."""
    services = Services(
        AlertSettings.model_validate(
            {
                "stage": "local",
                "powertools_service_name": "alert_service",
                "service_secret": "goldalert/local/alert_service",
                "topic_arn_prefix": "arn:aws:sns:eu-central-1:000000000000:goldalert-local-events-",
                "max_active_alerts": 3,
            }
        )
    )
    services.secret = ServiceSecret.model_validate(
        {"database": database("alert_service"), "redis_url": NO_REDIS}
    )
    services.relay = NoRelay()  # type: ignore[assignment]
    yield services
    services.engine.dispose()
