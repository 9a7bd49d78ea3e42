"""Somebody was signed out: tell them in the app, where they may not know why."""

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
        consumer="notification_service.on_sessions_revoked",
        unit_of_work=services().unit_of_work,
        handle=lambda tx, revoked: use_cases.tell_of_revoked_sessions(
            tx, revoked.event_id, revoked.data
        ),
        after_commit=lambda revoked: use_cases.forget_unread_counts(
            services().cache, [revoked.data.user_id]
        ),
    )
