"""The composition root: the only place that names concrete classes."""

from functools import cache, cached_property

from admin_service.config import AdminSettings
from admin_service.use_cases import AuditLog
from goldalert.bootstrap import BaseServices
from goldalert.db.unit_of_work import UnitOfWork


class Services(BaseServices[AdminSettings]):
    """What the handlers work with."""

    @cached_property
    def unit_of_work(self) -> UnitOfWork[AuditLog]:
        from admin_service.repository import Repository

        return self.make_unit_of_work(Repository)


@cache
def services() -> Services:
    return Services(AdminSettings.from_environment())
