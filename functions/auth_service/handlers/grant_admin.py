"""The operator's command `make admin`: who may invoke this function by IAM may make an admin."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from auth_service.bootstrap import services
from auth_service.schemas import GrantAdminRequest
from auth_service.use_cases import administration
from goldalert.observability.log import start_request


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    start_request(context.aws_request_id)
    granted = administration.grant_admin(
        services().unit_of_work,
        services().clock,
        services().passwords,
        services().seal,
        services().session_cache,
        email=GrantAdminRequest.model_validate(event).email,
        api_origin=services().settings.api_origin,
    )
    return granted.model_dump(mode="json")
