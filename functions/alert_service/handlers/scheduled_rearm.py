"""Every minute: go on with alerts whose snooze, cooldown or life is over, and tidy series."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from alert_service.bootstrap import services
from alert_service.config import time_of
from alert_service.use_cases import rearm
from goldalert.observability.log import start_request


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    start_request(event["id"])
    unit_of_work, cache, clock = services().unit_of_work, services().cache, services().clock
    has_time = time_of(context)
    rearm.rearm_by_clock(unit_of_work, cache, clock, has_time)
    rearm.expire_alerts(unit_of_work, cache, clock, has_time)
    rearm.tidy_series(unit_of_work)
