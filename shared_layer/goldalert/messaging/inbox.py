"""The inbox: which events a consumer has already dealt with."""

from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from sqlalchemy import Connection


def first_time(connection: "Connection", event_id: UUID, consumer: str) -> bool:
    """Record an event in the transaction of its effect; say whether it is new to the consumer.

    Two deliveries of one event at once wait for each other here: the second learns what the first
    one did.

    Args:
        connection: in the transaction of the effect.
        event_id: of the envelope.
        consumer: the queue's consumer, such as `alert_service.on_price_updated`.
    """
    from sqlalchemy import text

    return (
        connection.execute(
            text(
                "INSERT INTO inbox (event_id, consumer) VALUES (:event_id, :consumer) "
                "ON CONFLICT DO NOTHING"
            ),
            {"event_id": event_id, "consumer": consumer},
        ).rowcount
        == 1
    )
