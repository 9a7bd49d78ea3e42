"""The Lambda authorizer of the API: who may pass at all. API Gateway asks it on every request."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from auth_service.bootstrap import services
from auth_service.use_cases import authorization
from goldalert.observability.log import logger, start_request


class _RefusedError(Exception):
    """API Gateway turns exactly this message into a 401; any other error into a 503."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    start_request(context.aws_request_id)
    scheme, _, given = event["authorizationToken"].partition(" ")
    token = services().verifier.verify(given) if scheme.lower() == "bearer" else None
    if token is None or not authorization.authorize(
        services().unit_of_work, services().clock, services().session_cache, token.claims
    ):
        logger.info("token refused")
        raise _RefusedError
    claims = token.claims
    return {
        "principalId": str(claims.user_id),
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Action": "execute-api:Invoke",
                    "Effect": "Allow",
                    "Resource": event["methodArn"],
                }
            ],
        },
        "context": {
            "user_id": str(claims.user_id),
            "role": claims.role,
            "session_id": str(claims.session_id),
            "expires_at": int(token.expires_at.timestamp()),
        },
    }
