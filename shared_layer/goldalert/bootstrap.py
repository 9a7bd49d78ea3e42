"""What every service's `bootstrap.py` builds on: each part is made on first use, once a process."""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

from goldalert.cache.client import RedisDatabase
from goldalert.clock import SystemClock
from goldalert.db.engine import make_engine
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.messaging.relay import OutboxRelay
from goldalert.messaging.sns import SnsPublisher
from goldalert.rate_limiting import RateLimiter
from goldalert.secrets import DatabaseSecret, ServiceSecret, read_secret
from goldalert.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine


class BaseServices[S: Settings]:
    """The parts that every service has: settings, clock, database, Redis, outbox and rate limits.

    Example:
        >>> class Services(BaseServices[AlertSettings]):  # doctest: +SKIP
        ...     @cached_property
        ...     def unit_of_work(self) -> UnitOfWork[Alerts]:
        ...         from alert_service.repository import Repository
        ...         return self.make_unit_of_work(Repository)
    """

    def __init__(self, settings: S) -> None:
        self.settings = settings
        self.clock = SystemClock()

    @cached_property
    def secret(self) -> ServiceSecret:
        """The secret with the service's database and Redis."""
        return read_secret(self.settings.service_secret, ServiceSecret)

    @cached_property
    def engine(self) -> "Engine":
        """The service's database."""

        def reread() -> DatabaseSecret:
            return read_secret(self.settings.service_secret, ServiceSecret, fresh=True).database

        return make_engine(self.secret.database, reread=reread)

    @cached_property
    def redis(self) -> RedisDatabase:
        """The service's Redis database."""
        return RedisDatabase(self.secret.redis_url.get_secret_value())

    @cached_property
    def rate_limiter(self) -> RateLimiter:
        """Counts requests in the service's Redis."""
        return RateLimiter(self.redis)

    @cached_property
    def relay(self) -> OutboxRelay:
        """Publishes the service's outbox."""
        return OutboxRelay(self.engine, SnsPublisher(self.settings.topic_arn_prefix))

    def make_unit_of_work[Repository](
        self, repository: "Callable[[Connection], Repository]"
    ) -> UnitOfWork[Repository]:
        """Return the service's transactions, whose events are relayed right after the commit."""
        return UnitOfWork(self.engine, repository, self.relay)

    def ping_database(self) -> None:
        """Ask the database for nothing. Raises when it is away."""
        with self.engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")

    def ping_redis(self) -> None:
        """Ask Redis for nothing. Raises when it is away."""
        self.redis.client.ping()
