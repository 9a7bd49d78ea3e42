"""The composition root: the only place that names concrete classes."""

from functools import cache, cached_property

from goldalert.bootstrap import BaseServices
from goldalert.cache.cache_aside import Cache
from goldalert.db.unit_of_work import UnitOfWork
from notification_service.config import UNREAD_COUNT_TTL_SECONDS, NotificationSettings
from notification_service.use_cases import Notifications


class Services(BaseServices[NotificationSettings]):
    """What the handlers work with."""

    @cached_property
    def unit_of_work(self) -> UnitOfWork[Notifications]:
        from notification_service.repository import Repository

        return self.make_unit_of_work(Repository)

    @cached_property
    def cache(self) -> Cache:
        return Cache(self.redis, ttl_seconds=UNREAD_COUNT_TTL_SECONDS)


@cache
def services() -> Services:
    return Services(NotificationSettings.from_environment())
