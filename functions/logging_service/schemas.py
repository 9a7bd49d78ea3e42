"""What admins get from the logging service."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from aws_lambda_powertools.event_handler.openapi.params import Query

from goldalert.http.schemas import Text, View
from logging_service.domain import Level

ServiceName = Annotated[Text | None, Query(max_length=64, description="Such as `price_service`.")]
LevelName = Annotated[Level | None, Query()]
Words = Annotated[
    Text | None,
    Query(
        max_length=200, description="Words of the message; `-word` and `or` work as in a search."
    ),
]
CorrelationId = Annotated[Text | None, Query(max_length=64)]


class LogView(View):
    """`data` has what the event says, without personal data."""

    id: UUID
    service: str
    level: Level
    message: str
    event_type: str
    correlation_id: str
    timestamp: datetime
    data: dict[str, Any]
