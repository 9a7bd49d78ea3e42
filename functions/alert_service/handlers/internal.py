"""What other services ask of this one."""

from uuid import UUID

from pydantic import JsonValue

from alert_service.bootstrap import services
from alert_service.use_cases import accounts
from goldalert.internal import serve_internal


def export_user(user_id: UUID) -> JsonValue:
    return accounts.export_user(services().unit_of_work, services().clock, user_id=user_id)


lambda_handler = serve_internal(export_user)
