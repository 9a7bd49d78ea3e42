"""Invoked by the deployer: loads the monthly prices that are shipped. Safe to run again."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from goldalert.observability.log import start_request
from price_service.bootstrap import services
from price_service.gateways.recorded import MONTHLY, read_recording
from price_service.use_cases import ticks


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    start_request(context.aws_request_id)
    months = list(read_recording(MONTHLY))
    return {"added": ticks.seed_history(services().unit_of_work, months)}
