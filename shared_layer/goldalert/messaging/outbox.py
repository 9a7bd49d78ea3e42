"""The outbox: events stored in the transaction of the state change that they tell of."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from goldalert.events.catalogue import AnyEvent, topic_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

MAX_MESSAGE_BYTES = 256 * 1024
"""The most that SNS or SQS takes in one call, attributes included."""

ATTRIBUTES_BYTES = 1024
"""Room for the attributes of one message."""

MAX_EVENT_BYTES = MAX_MESSAGE_BYTES - ATTRIBUTES_BYTES
"""The most that an event's JSON may take in UTF-8."""


class EventTooLargeError(Exception):
    """The event does not fit into one message; its producer must pack less into it."""


def store(connection: "Connection", events: Sequence[AnyEvent]) -> None:
    """Insert events into the service's outbox, in one statement.

    Raises:
        goldalert.events.catalogue.UnknownEventError: an event is not in the catalogue.
        EventTooLargeError: an event is larger than `MAX_EVENT_BYTES`.
    """
    if not events:
        return
    from sqlalchemy import text

    rows = [
        {
            "id": str(event.event_id),
            "topic": topic_of(event),
            "event_type": event.event_type,
            "message": event.to_message(),
        }
        for event in events
    ]
    for row in rows:
        if len(row["message"].encode()) > MAX_EVENT_BYTES:
            raise EventTooLargeError(f"{row['event_type']} {row['id']}")
    connection.execute(
        text(
            "INSERT INTO outbox (id, topic, event_type, message) "
            "SELECT id, topic, event_type, message FROM jsonb_to_recordset(CAST(:rows AS jsonb)) "
            "AS r(id uuid, topic text, event_type text, message text)"
        ),
        {"rows": json.dumps(rows)},
    )
