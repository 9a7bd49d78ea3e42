"""The composition root: the only place that names concrete classes."""

from functools import cache, cached_property
from typing import TYPE_CHECKING

from alert_service.config import CACHE_SECONDS, AlertSettings
from goldalert.bootstrap import BaseServices
from goldalert.cache.cache_aside import Cache
from goldalert.db.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from alert_service.repository import Repository


class Services(BaseServices[AlertSettings]):
    """What the handlers work with."""

    @cached_property
    def unit_of_work(self) -> "UnitOfWork[Repository]":
        from alert_service.repository import Repository

        return self.make_unit_of_work(Repository)

    @cached_property
    def cache(self) -> Cache:
        return Cache(self.redis, ttl_seconds=CACHE_SECONDS)


@cache
def services() -> Services:
    return Services(AlertSettings.from_environment())
