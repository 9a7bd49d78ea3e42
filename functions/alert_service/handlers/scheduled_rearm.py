"""Every minute: go on with alerts whose snooze, cooldown or life is over."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from alert_service.bootstrap import services
from alert_service.config import ENGINE_RESERVE_MS
from alert_service.use_cases import rearm
from goldalert.observability.log import start_request


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    start_request(event["id"])

    def has_time() -> bool:
        return context.get_remaining_time_in_millis() > ENGINE_RESERVE_MS

    unit_of_work, cache, clock = services().unit_of_work, services().cache, services().clock
    rearm.rearm_due_alerts(unit_of_work, cache, clock, has_time, at=clock.now())
    rearm.expire_alerts(unit_of_work, cache, clock, has_time)
    rearm.tidy_series(unit_of_work)
