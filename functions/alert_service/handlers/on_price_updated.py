"""Queue `alert-service-on-price-updated`: a tick of the price, and the alerts that it triggers."""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from alert_service.bootstrap import services
from alert_service.config import time_of
from alert_service.use_cases import apply_ticks
from goldalert.events.catalogue import parse_event
from goldalert.messaging.consumer import consume_messages
from goldalert.observability.log import start_request

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> "PartialItemFailureResponse":
    def apply(message: str) -> None:
        parsed = parse_event(message)
        start_request(parsed.correlation_id)
        apply_ticks.on_price_updated(
            services().unit_of_work, services().cache, services().clock, parsed, time_of(context)
        )

    return consume_messages(event, context, apply)
