"""Errors as `application/problem+json` (RFC 9457): the one place where an error has a status."""

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError as RouteNotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import (
    RequestUnsupportedContentType,
    RequestValidationError,
)

from goldalert import errors
from goldalert.db.outage import is_outage
from goldalert.http.schemas import View
from goldalert.observability.log import current_correlation_id, logger

_STATUS: dict[type[errors.DomainError], HTTPStatus] = {
    errors.MalformedRequestError: HTTPStatus.BAD_REQUEST,
    errors.UnauthorizedError: HTTPStatus.UNAUTHORIZED,
    errors.ForbiddenError: HTTPStatus.FORBIDDEN,
    errors.NotFoundError: HTTPStatus.NOT_FOUND,
    errors.ConflictError: HTTPStatus.CONFLICT,
    errors.TooLargeError: HTTPStatus.CONTENT_TOO_LARGE,
    errors.InvalidFieldError: HTTPStatus.UNPROCESSABLE_CONTENT,
    errors.RateLimitedError: HTTPStatus.TOO_MANY_REQUESTS,
    errors.UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}


class FieldProblem(View):
    """What is wrong with one field; `code` is for programs, `message` for people."""

    field: str
    code: str
    message: str


class Problem(View):
    """The document of an error. `errors` is there when fields are wrong."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    correlation_id: str
    errors: list[FieldProblem] | None = None


def problem_for(error: Exception) -> Response[str]:
    """Return the answer for whatever a route raised.

    What no rule expects is logged with its stack and answered with a 500 that says nothing of the
    inside.
    """
    match error:
        case RequestValidationError():
            return _validation_problem(error)
        case RequestUnsupportedContentType():
            return problem(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "Send JSON."
            )
        case RouteNotFoundError():
            return problem(HTTPStatus.NOT_FOUND, "not_found", "There is no such route.")
        case errors.InvalidFieldError():
            return problem(
                HTTPStatus.UNPROCESSABLE_CONTENT,
                error.code,
                error.message,
                errors=[FieldProblem(field=error.field, code=error.code, message=error.message)],
            )
        case errors.RateLimitedError() | errors.UnavailableError():
            return problem(
                _status_of(error), error.code, error.message, retry_after=error.retry_after
            )
        case errors.DomainError():
            return problem(_status_of(error), error.code, error.message)
    if is_outage(error):
        logger.error("database is out of reach", exc_info=error)
        return problem_for(errors.UnavailableError("The service is busy. Try again."))
    logger.error("request failed", exc_info=error)
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "Something went wrong on our side."
    )


def problem(
    status: HTTPStatus,
    code: str,
    detail: str,
    *,
    errors: list[FieldProblem] | None = None,
    retry_after: int | None = None,
) -> Response[str]:
    """Return a problem document as an answer.

    Args:
        status: the HTTP status.
        code: a stable name in snake_case, for programs.
        detail: what went wrong, for people.
        errors: the wrong fields.
        retry_after: seconds until a new try makes sense.
    """
    document = Problem(
        title=status.phrase,
        status=status.value,
        detail=detail,
        code=code,
        correlation_id=current_correlation_id(),
        errors=errors,
    )
    return Response(
        status_code=status.value,
        content_type="application/problem+json",
        body=document.model_dump_json(exclude_none=True),
        headers={} if retry_after is None else {"Retry-After": str(retry_after)},
    )


def _status_of(error: errors.DomainError) -> HTTPStatus:
    return next(_STATUS[c] for c in type(error).__mro__ if c in _STATUS)


def _validation_problem(error: RequestValidationError) -> Response[str]:
    found = error.errors()
    if any(e["type"] == "json_invalid" for e in found):
        return problem(HTTPStatus.BAD_REQUEST, "malformed_json", "The body is not valid JSON.")
    return problem(
        HTTPStatus.UNPROCESSABLE_CONTENT,
        "validation_failed",
        "Some fields are wrong.",
        errors=[
            FieldProblem(
                # the first part says where: body, query, path; the rest names the field
                field=".".join(str(part) for part in e["loc"][1:]) or str(e["loc"][0]),
                code=e["type"],
                message=e["msg"],
            )
            for e in found
        ],
    )
