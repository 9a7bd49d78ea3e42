"""A new account gets its profile, preferences and account settings."""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from goldalert.messaging.consumer import consume
from user_service.bootstrap import services
from user_service.use_cases.accounts import create_user

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> "PartialItemFailureResponse":
    return consume(
        event,
        context,
        consumer="user_service.on_user_registered",
        unit_of_work=services().unit_of_work,
        handle=create_user,
    )
