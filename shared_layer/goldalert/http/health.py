"""The health of a service: each part is tried within a short time; slow counts as down."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from http import HTTPStatus
from typing import Literal

from aws_lambda_powertools.event_handler import Response

from goldalert.http.schemas import View
from goldalert.observability.log import logger

Status = Literal["ok", "degraded", "down"]

_DEADLINE_SECONDS = 2.0


class HealthView(View):
    """What `GET /<service>/health` answers."""

    service: str
    status: Status
    checks: dict[str, Status]


def check_health(
    service: str,
    *,
    essential: Mapping[str, Callable[[], object]],
    optional: Mapping[str, Callable[[], object]],
) -> HealthView:
    """Try every part at once and say how the service is.

    Args:
        service: the name in the answer, such as `alert`.
        essential: by name, what raises when a part is away without which nothing works.
        optional: likewise, parts without which the service still answers, only slower.

    Example:
        >>> check_health("alert", essential={"database": ping}, optional={})  # doctest: +SKIP
        HealthView(service='alert', status='ok', checks={'database': 'ok'})
    """
    checks = {**essential, **optional}
    pool = ThreadPoolExecutor(max_workers=len(checks) or 1)
    try:
        running = {name: pool.submit(check) for name, check in checks.items()}
        wait(running.values(), timeout=_DEADLINE_SECONDS)
        results: dict[str, Status] = {}
        for name, future in running.items():
            try:
                future.result(timeout=0)
                results[name] = "ok"
            except Exception as error:
                logger.warning("part is down", extra={"part": name, "error": repr(error)})
                results[name] = "down"
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return HealthView(service=service, status=_overall(results, essential), checks=results)


def health_response(health: HealthView) -> Response[HealthView]:
    """Answer 503 when the service is down, else 200."""
    is_down = health.status == "down"
    return Response(
        status_code=HTTPStatus.SERVICE_UNAVAILABLE if is_down else HTTPStatus.OK,
        content_type="application/json",
        body=health,
    )


def _overall(results: Mapping[str, Status], essential: Mapping[str, object]) -> Status:
    if any(results[name] == "down" for name in essential):
        return "down"
    return "degraded" if "down" in results.values() else "ok"
