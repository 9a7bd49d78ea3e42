"""Every minute: publish events that their own handler left, and forget what is old."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from auth_service.bootstrap import services
from auth_service.use_cases import sessions
from goldalert.messaging.relay import LEFT_BEHIND_AFTER
from goldalert.observability.log import start_request


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    start_request(event["id"])
    published = services().relay.run(older_than=LEFT_BEHIND_AFTER)
    removed = sessions.remove_old(services().unit_of_work, services().clock)
    return {"published": published, "removed": removed}
