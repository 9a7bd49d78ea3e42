"""A user is gone: erase what we hold about them."""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from goldalert.messaging.consumer import consume
from notification_service import use_cases
from notification_service.bootstrap import services

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> "PartialItemFailureResponse":
    return consume(
        event,
        context,
        consumer="notification_service.on_user_deleted",
        unit_of_work=services().unit_of_work,
        handle=lambda tx, deleted: use_cases.erase_user(tx, services().clock, deleted),
        after_commit=lambda deleted: use_cases.forget_unread_counts(
            services().cache, [deleted.data.user_id]
        ),
    )
