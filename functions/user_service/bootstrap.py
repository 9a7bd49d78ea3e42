"""The composition root: the only place that names concrete classes."""

from functools import cache, cached_property
from typing import TYPE_CHECKING

from goldalert import aws
from goldalert.bootstrap import BaseServices
from goldalert.cache.cache_aside import Cache
from goldalert.db.unit_of_work import UnitOfWork
from user_service.config import CACHE_SECONDS, UserSettings
from user_service.use_cases.ports import Users

if TYPE_CHECKING:
    from goldalert.service_client import ServiceClient


class Services(BaseServices[UserSettings]):
    """What the handlers work with."""

    @cached_property
    def unit_of_work(self) -> UnitOfWork[Users]:
        from user_service.repository import Repository

        return self.make_unit_of_work(Repository)

    @cached_property
    def cache(self) -> Cache:
        return Cache(self.redis, ttl_seconds=CACHE_SECONDS)

    @cached_property
    def other_services(self) -> "list[ServiceClient]":
        """Whoever holds something about a user."""
        from goldalert.circuit_breaker import BreakerStates
        from goldalert.service_client import ServiceClient

        states = BreakerStates(self.redis)
        return [
            ServiceClient(name, states, aws.client("lambda"))
            for name in self.settings.export_functions
        ]


@cache
def services() -> Services:
    return Services(UserSettings.from_environment())
