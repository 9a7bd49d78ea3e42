"""The composition root: the only place that names concrete classes."""

from functools import cache, cached_property

from goldalert.bootstrap import BaseServices
from goldalert.db.unit_of_work import UnitOfWork
from logging_service.config import LoggingSettings
from logging_service.use_cases import Logs


class Services(BaseServices[LoggingSettings]):
    """What the handlers work with."""

    @cached_property
    def unit_of_work(self) -> UnitOfWork[Logs]:
        from logging_service.repository import Repository

        return self.make_unit_of_work(Repository)


@cache
def services() -> Services:
    return Services(LoggingSettings.from_environment())
