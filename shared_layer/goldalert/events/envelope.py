"""The envelope around every event."""

from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from goldalert.ids import new_id


class EventData(BaseModel):
    """What an event says. Unknown fields are ignored, so that producers may add optional ones."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Event[Data: EventData](BaseModel):
    """One fact that happened. Subclasses fix `event_type` and `event_version` with a `Literal`.

    Attributes:
        event_id: UUIDv7; the same through every retry, so that consumers can tell a repetition.
        event_type: the fact in the past tense, such as `price_updated`.
        event_version: the version of the shape of `data`.
        occurred_at: when it happened, aware UTC.
        producer: the service that says so.
        correlation_id: of the HTTP request or tick that began it all.
        data: the fact itself.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    event_id: UUID = Field(default_factory=new_id)
    event_type: str
    event_version: int
    occurred_at: AwareDatetime
    producer: str
    correlation_id: str
    data: Data

    def to_message(self) -> str:
        """Return the event as the JSON that travels through SNS and SQS."""
        return self.model_dump_json(exclude_none=True)
