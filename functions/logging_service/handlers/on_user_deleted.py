"""An account that is gone: what the log says about it is erased."""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from goldalert.messaging.consumer import consume
from logging_service.bootstrap import services
from logging_service.use_cases import erase_user

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> "PartialItemFailureResponse":
    return consume(
        event,
        context,
        consumer="logging_service.on_user_deleted",
        unit_of_work=services().unit_of_work,
        handle=lambda tx, deleted: erase_user(tx, services().clock, deleted),
    )
