"""The HTTP side of a service: a powertools resolver, and what every answer has in common."""

import base64
import json
import re
import time
from collections.abc import Callable, Collection
from http import HTTPStatus
from typing import Any, Protocol

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError as RouteNotFoundError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.utilities.typing import LambdaContext

from goldalert.errors import InvalidFieldError, MalformedRequestError, TooLargeError
from goldalert.http.cors import cors_headers
from goldalert.http.problems import problem_for
from goldalert.http.quotas import (
    count_request,
    rate_limit_headers,
    signed_in_user,
)
from goldalert.observability.log import current_correlation_id, logger, start_request
from goldalert.rate_limiting import RateLimiter, refuse_if_exhausted
from goldalert.settings import HttpSettings

MAX_BODY_BYTES = 64 * 1024

_VALID_CORRELATION_ID = re.compile(r"[A-Za-z0-9_.:-]{8,64}")

SECURITY_HEADERS = {
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
        >>> lambda_handler = serve(app, lambda: services())  # doctest: +SKIP
    """
    app = APIGatewayRestResolver(
        enable_validation=True,
        response_validation_error_http_code=HTTPStatus.INTERNAL_SERVER_ERROR,
        json_body_deserializer=_parse_json,
        # behind the custom domain the base path stays in the event's path
        strip_prefixes=["/v1"],
    )

    def handle(error: Exception) -> Response[str]:
        logger.append_keys(route=app.request.route)  # validation comes before the middleware
        return problem_for(error)

    app.use(middlewares=[_name_route])
    app.exception_handler(Exception)(handle)
    app.not_found(_no_such_route)
    return app


class ServesHttp(Protocol):
    """The part of a service's `bootstrap.Services` that every API function needs."""

    @property
    def settings(self) -> HttpSettings:
        """What the function is told."""

    @property
    def rate_limiter(self) -> RateLimiter | None:
        """None: only API Gateway limits the requests."""


def serve(
    app: APIGatewayRestResolver,
    services: Callable[[], ServesHttp],
    *,
    uncounted: Collection[str] = (),
) -> Handler:
    """Return the Lambda handler of a resolver.

    It takes the caller's `X-Correlation-Id` when that is a valid one (8 to 64 letters, digits and
    `_.:-`), else API Gateway's request id; answers a browser's preflight; refuses callers that ask
    too often and bodies over 64 KiB; logs one line per request; and adds the headers that every
    answer carries.

    Args:
        app: the service's routes.
        services: looked up on every request, `lambda: services()`: a test may replace it.
        uncounted: resources that nobody is to be kept from because others in their network asked
            for too much; those of health are among them anyway.
    """

    def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        started = time.perf_counter()
        start_request(_correlation_id(event))
        logger.append_keys(route=event.get("resource"))
        headers: dict[str, str] = {}
        try:
            headers |= _cors_headers(event, services().settings.allowed_origins)
            answer = _answer(app, event, context, services(), headers, uncounted)
        except Exception as error:
            answer = _refuse(error)
        # single headers: an answer of ours never repeats one
        answer["multiValueHeaders"] = {
            **{name: [value] for name, value in (SECURITY_HEADERS | headers).items()},
            **answer.get("multiValueHeaders", {}),
            "X-Correlation-Id": [current_correlation_id()],
        }
        logger.info(
            "request",
            extra={
                "method": event["httpMethod"],
                "status": answer["statusCode"],
                "duration_ms": round((time.perf_counter() - started) * 1000, 1),
                "bytes": len((answer["body"] or "").encode()),
                "user_id": signed_in_user(event),
                # API Gateway's access log knows the request by this one
                "request_id": event["requestContext"]["requestId"],
            },
        )
        return answer

    return lambda_handler


def _answer(
    app: APIGatewayRestResolver,
    event: dict[str, Any],
    context: LambdaContext,
    services: ServesHttp,
    headers: dict[str, str],
    uncounted: Collection[str],
) -> dict[str, Any]:
    """Answer a request; `headers` gets what its answer has to say, be it an error."""
    if event["httpMethod"] == "OPTIONS":
        return {"statusCode": HTTPStatus.NO_CONTENT, "body": "", "isBase64Encoded": False}
    resource = event.get("resource") or ""
    is_counted = not resource.endswith("/health") and resource not in uncounted
    # in this order: a health that cannot be counted can still say so
    if is_counted and services.rate_limiter is not None:
        allowance = count_request(services.rate_limiter, services.settings, event)
        headers |= rate_limit_headers(allowance)
        refuse_if_exhausted(allowance)
    _check_body(event)
    return app.resolve(event, context)


def _cors_headers(event: dict[str, Any], allowed_origins: Collection[str]) -> dict[str, str]:
    return cors_headers(
        _header(event, "origin"), allowed_origins, is_preflight=event["httpMethod"] == "OPTIONS"
    )


def _name_route(app: APIGatewayRestResolver, next_middleware: NextMiddleware) -> Response[Any]:
    """Log under the route's own name: API Gateway knows only the prefix of most."""
    logger.append_keys(route=app.request.route)
    return next_middleware(app)


def _no_such_route(error: RouteNotFoundError) -> Response[str]:
    # its "name" is what the client made up
    logger.append_keys(route=None)
    return problem_for(error)


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
    given = _header(event, "x-correlation-id") or ""
    if _VALID_CORRELATION_ID.fullmatch(given):
        return given
    return str(event["requestContext"]["requestId"])


def _header(event: dict[str, Any], name: str) -> str | None:
    headers = event.get("headers") or {}
    return next((value for key, value in headers.items() if key.lower() == name), None)


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
        parsed = json.loads(body, parse_constant=_refuse_constant)
        if "\\ud" in body.lower():
            # half of a surrogate pair can be written in JSON, but neither hashed nor stored
            json.dumps(parsed, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise MalformedRequestError("The body is not valid JSON.", code="malformed_json") from error
    if isinstance(parsed, list):  # no route takes one, and powertools takes [x] for x
        raise InvalidFieldError("body", "The body is not a JSON object.")
    return parsed


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
