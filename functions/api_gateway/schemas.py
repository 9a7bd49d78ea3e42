"""What clients get from the edge."""

from goldalert.http.health import Status
from goldalert.http.schemas import View


class ServiceHealth(View):
    """`checks` is empty when the service did not answer."""

    status: Status
    checks: dict[str, Status]


class SystemHealth(View):
    status: Status
    services: dict[str, ServiceHealth]
