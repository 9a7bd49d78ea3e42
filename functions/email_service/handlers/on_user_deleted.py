"""A user is gone: erase what we hold about them."""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from email_service import use_cases
from email_service.bootstrap import services
from goldalert.messaging.consumer import consume

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> "PartialItemFailureResponse":
    return consume(
        event,
        context,
        consumer="email_service.on_user_deleted",
        unit_of_work=services().unit_of_work,
        handle=lambda tx, deleted: use_cases.erase_user(tx, services().clock, deleted),
    )
