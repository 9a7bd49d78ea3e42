"""What other services ask of the auth service, by Lambda invocation."""

from uuid import UUID

from pydantic import JsonValue

from auth_service.bootstrap import services
from auth_service.use_cases import erasure
from goldalert.internal import serve_internal


def export_user(user_id: UUID) -> JsonValue:
    return erasure.export_user(services().unit_of_work, user_id=user_id)


lambda_handler = serve_internal(export_user)
