"""The HTTP side of a service: a powertools resolver, and what every answer has in common."""

import base64
import json
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.utilities.typing import LambdaContext

from goldalert.errors import MalformedRequestError, TooLargeError
from goldalert.http.problems import problem_for
from goldalert.observability.log import current_correlation_id, logger, start_request

MAX_BODY_BYTES = 64 * 1024

_VALID_CORRELATION_ID = re.compile(r"[A-Za-z0-9_.:-]{8,64}")

_SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]


def make_resolver() -> APIGatewayRestResolver:
    """Return a resolver that validates requests and answers, and speaks problem+json.

    Example:
        >>> app = make_resolver()
        >>> @app.get("/price/health")
        ... def health() -> dict[str, str]:
        ...     return {"status": "ok"}
        >>> lambda_handler = serve(app)
    """
    app = APIGatewayRestResolver(
        enable_validation=True,
        response_validation_error_http_code=HTTPStatus.INTERNAL_SERVER_ERROR,
        json_body_deserializer=_parse_json,
        # behind the custom domain the base path stays in the event's path
        strip_prefixes=["/v1"],
    )

    app.exception_handler(Exception)(problem_for)
    return app


def serve(app: APIGatewayRestResolver) -> Handler:
    """Return the Lambda handler of a resolver.

    It takes the caller's `X-Correlation-Id` when that is a valid one (8 to 64 letters, digits and
    `_.:-`), else API Gateway's request id; refuses bodies over 64 KiB; logs one line per request;
    and adds the headers that every answer carries.
    """

    def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        start_request(_correlation_id(event))
        try:
            _check_body(event)
            answer = app.resolve(event, context)
        except Exception as error:
            answer = _refuse(error)
        # single headers: an answer of ours never repeats one
        answer["multiValueHeaders"] = {
            **{name: [value] for name, value in _SECURITY_HEADERS.items()},
            **answer.get("multiValueHeaders", {}),
            "X-Correlation-Id": [current_correlation_id()],
        }
        logger.info(
            "request",
            extra={
                "method": event["httpMethod"],
                "route": event.get("resource"),
                "status": answer["statusCode"],
            },
        )
        return answer

    return lambda_handler


def _refuse(error: Exception) -> dict[str, Any]:
    response = problem_for(error)
    return {
        "statusCode": response.status_code,
        "body": response.body,
        "isBase64Encoded": False,
        "multiValueHeaders": {
            name: value if isinstance(value, list) else [value]
            for name, value in response.headers.items()
        },
    }


def _correlation_id(event: dict[str, Any]) -> str:
    headers = event.get("headers") or {}
    given = next((v for k, v in headers.items() if k.lower() == "x-correlation-id"), "")
    if _VALID_CORRELATION_ID.fullmatch(given):
        return given
    return str(event["requestContext"]["requestId"])


def _check_body(event: dict[str, Any]) -> None:
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        try:
            raw = base64.b64decode(body, validate=True)
            raw.decode()
        except ValueError as error:
            raise MalformedRequestError("The body is not UTF-8 text.") from error
    else:
        raw = body.encode()
    if len(raw) > MAX_BODY_BYTES:
        raise TooLargeError("The body is larger than 64 KiB.")


def _parse_json(body: str) -> Any:
    """Parse a body strictly: no NaN, no infinity, nothing that the parser chokes on."""
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise MalformedRequestError("The body is not valid JSON.", code="malformed_json") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
