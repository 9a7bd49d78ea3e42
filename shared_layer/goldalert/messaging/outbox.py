"""The outbox: events stored in the transaction of the state change that they tell of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from goldalert.events.catalogue import AnyEvent, topic_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

MAX_MESSAGE_BYTES = 256 * 1024
"""The most that SNS or SQS takes in one call, attributes included."""

ATTRIBUTES_BYTES = 1024
"""Room for the attributes of one message."""

MAX_EVENT_BYTES = MAX_MESSAGE_BYTES - ATTRIBUTES_BYTES
"""The most that an event's JSON may take in UTF-8."""


@dataclass(frozen=True)
class WrittenEvent:
    """An event that was put together as JSON, for whom models of its parts cost too much.

    Attributes:
        event: the event without those parts.
        message: the whole of it, as JSON that its model reads.
    """

    event: AnyEvent
    message: str

    @property
    def event_id(self) -> UUID:
        """The id of the event."""
        return self.event.event_id

    def to_message(self) -> str:
        """Return the event as the JSON that travels through SNS and SQS."""
        return self.message


class EventTooLargeError(Exception):
    """The event does not fit into one message; its producer must pack less into it."""


def store(connection: "Connection", events: Sequence[AnyEvent | WrittenEvent]) -> None:
    """Insert events into the service's outbox, in one statement.

    Raises:
        goldalert.events.catalogue.UnknownEventError: an event is not in the catalogue.
        EventTooLargeError: an event is larger than `MAX_EVENT_BYTES`.
    """
    if not events:
        return
    from sqlalchemy import text

    rows: dict[str, object] = {}
    for n, event in enumerate(events):
        model = event.event if isinstance(event, WrittenEvent) else event
        message = event.to_message()
        if len(message.encode()) > MAX_EVENT_BYTES:
            raise EventTooLargeError(f"{model.event_type} {model.event_id}")
        rows |= {
            f"id{n}": model.event_id,
            f"topic{n}": topic_of(model),
            f"type{n}": model.event_type,
            f"message{n}": message,
        }
    # not as one JSON value: the server would parse long messages once more
    values = ", ".join(f"(:id{n}, :topic{n}, :type{n}, :message{n})" for n in range(len(events)))
    connection.execute(
        text(f"INSERT INTO outbox (id, topic, event_type, message) VALUES {values}"),  # noqa: S608
        rows,
    )
