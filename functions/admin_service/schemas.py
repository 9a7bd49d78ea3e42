"""What admins get from the admin service."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler.openapi.params import Query

from goldalert.http.schemas import Text, View

Action = Annotated[Text | None, Query(max_length=64, description="Such as `alert_triggered`.")]
Target = Annotated[
    Text | None, Query(max_length=64, description="Such as `user:<id>` or `alert:<id>`.")
]
CorrelationId = Annotated[Text | None, Query(max_length=64)]


class AuditEntry(View):
    """`admin_id` is null where the system itself acted."""

    id: UUID
    sequence: int
    admin_id: UUID | None
    action: str
    target: str
    timestamp: datetime
    correlation_id: str
    data: dict[str, str]
    hash: str


class ExportedEntry(View):
    """What a user gets to see of an entry: not which admin acted."""

    id: UUID
    action: str
    target: str
    timestamp: datetime
    data: dict[str, str]


class Verification(View):
    """`next_cursor` is where to go on when there are more entries than one request verifies."""

    intact: bool
    checked: int
    first_broken_id: UUID | None
    next_cursor: str | None
