"""Every minute: publish events that their own handler did not get to publish."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from goldalert.messaging.relay import LEFT_BEHIND_AFTER
from goldalert.observability.log import start_request
from price_service.bootstrap import services


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    start_request(event["id"])
    return {"published": services().relay.run(older_than=LEFT_BEHIND_AFTER)}
