"""Every minute: apply ticks that were stored and left, by a dead worker, say, or behind a gap."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from alert_service.bootstrap import services
from alert_service.config import time_of
from alert_service.errors import SeriesBusyError
from alert_service.use_cases import apply_ticks
from goldalert.messaging.consumer import OutOfTimeError
from goldalert.observability.log import logger, start_request


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    start_request(event["id"])
    try:
        apply_ticks.apply_due_ticks(
            services().unit_of_work, services().cache, services().clock, time_of(context)
        )
    except (SeriesBusyError, OutOfTimeError) as reason:
        # no failure: the next minute looks again
        logger.info("ticks are left", extra={"reason": repr(reason)})
