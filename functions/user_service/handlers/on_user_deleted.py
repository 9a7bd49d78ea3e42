"""An account that is gone: its profile, preferences and account settings are erased."""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from goldalert.messaging.consumer import consume
from user_service.bootstrap import services
from user_service.use_cases.accounts import erase_user, forget_user

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> "PartialItemFailureResponse":
    return consume(
        event,
        context,
        consumer="user_service.on_user_deleted",
        unit_of_work=services().unit_of_work,
        handle=lambda tx, deleted: erase_user(tx, services().clock, deleted),
        after_commit=lambda deleted: forget_user(services().cache, deleted),
    )
