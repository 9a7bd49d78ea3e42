"""What the edge does, one function per action."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Protocol

from api_gateway.domain import overall, service_of
from api_gateway.schemas import ServiceHealth, SystemHealth
from goldalert.http.health import HealthView
from goldalert.observability.log import current_correlation_id, logger

_DID_NOT_ANSWER = ServiceHealth(status="down", checks={})


class HealthSource(Protocol):
    """Asks one service."""

    def health(self, function_name: str, service: str, correlation_id: str) -> HealthView: ...


def check_system(
    source: HealthSource, function_names: Sequence[str], *, deadline_seconds: float
) -> SystemHealth:
    """Ask all services at once; one that has not answered by the deadline is down."""
    pool = ThreadPoolExecutor(max_workers=len(function_names))
    correlation_id = current_correlation_id()
    asked = {
        service_of(name): pool.submit(source.health, name, service_of(name), correlation_id)
        for name in function_names
    }
    wait(asked.values(), timeout=deadline_seconds)
    pool.shutdown(wait=False, cancel_futures=True)
    services = {service: _answer(service, future) for service, future in asked.items()}
    status = overall({service: health.status for service, health in services.items()})
    return SystemHealth(status=status, services=services)


def _answer(service: str, future: Future[HealthView]) -> ServiceHealth:
    try:
        health = future.result(timeout=0)
    except Exception as error:
        logger.warning("service is down", extra={"part": service, "error": repr(error)})
        return _DID_NOT_ANSWER
    return ServiceHealth(status=health.status, checks=health.checks)
