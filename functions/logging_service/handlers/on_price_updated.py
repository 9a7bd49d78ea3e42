"""Every tick goes into the log."""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from goldalert.messaging.consumer import consume
from logging_service.bootstrap import services
from logging_service.use_cases import record_event

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> "PartialItemFailureResponse":
    return consume(
        event,
        context,
        consumer="logging_service.on_price_updated",
        unit_of_work=services().unit_of_work,
        handle=record_event,
    )
