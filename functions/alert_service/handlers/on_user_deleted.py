"""An account that is gone: its alerts, their history and the copy in Redis are erased."""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from alert_service.bootstrap import services
from alert_service.use_cases.accounts import erase_user
from alert_service.use_cases.active_alerts import forget_active_alerts
from goldalert.messaging.consumer import consume

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> "PartialItemFailureResponse":
    return consume(
        event,
        context,
        consumer="alert_service.on_user_deleted",
        unit_of_work=services().unit_of_work,
        handle=lambda tx, deleted: erase_user(tx, services().clock, deleted),
        after_commit=lambda deleted: forget_active_alerts(services().cache, [deleted.data.user_id]),
    )
