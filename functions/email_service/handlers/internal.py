"""What other services ask of the e-mail service."""

from uuid import UUID

from pydantic import JsonValue

from email_service import use_cases
from email_service.bootstrap import services
from goldalert.internal import serve_internal


def export_user(user_id: UUID) -> JsonValue:
    return use_cases.export_user(services().unit_of_work, user_id=user_id)


lambda_handler = serve_internal(export_user)
