"""Every minute: publish events that their own handler left, and forget what is old."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from goldalert.messaging.relay import LEFT_BEHIND_AFTER
from goldalert.messaging.retention import Table, remove_old_rows
from goldalert.observability.log import start_request
from goldalert.settings import Settings

if TYPE_CHECKING:
    from goldalert.bootstrap import BaseServices


def serve_relay[S: Settings](
    services: "Callable[[], BaseServices[S]]", *tables: Table
) -> Callable[[dict[str, Any], LambdaContext], dict[str, int]]:
    """Return the Lambda handler of a service's `scheduled_relay_outbox`.

    Its answer counts the events that were published and the rows that were removed.

    Args:
        services: the service's parts.
        tables: whose old rows go.

    Example:
        >>> lambda_handler = serve_relay(lambda: services(), "inbox")  # doctest: +SKIP
    """

    def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
        start_request(event["id"])
        published = services().relay.run(older_than=LEFT_BEHIND_AFTER)
        return {"published": published, "removed": remove_old_rows(services().engine, *tables)}

    return lambda_handler
