"""Errors of the domain, without any HTTP: `goldalert.http.problems` maps them, in one place."""


class DomainError(Exception):
    """A request that the rules refuse. `code` is stable and meant for programs.

    Args:
        message: what went wrong, for people; says nothing of the inside.
        code: a stable, greppable name in snake_case; by default the one of the class.
    """

    code = "domain_error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class NotFoundError(DomainError):
    """The resource does not exist, or is not the caller's: the answer is the same."""

    code = "not_found"


class ConflictError(DomainError):
    """The state of the resource does not allow the request."""

    code = "conflict"


class InvalidFieldError(DomainError):
    """A value that a schema cannot judge alone is wrong. `field` names it.

    Args:
        field: the path of the field in the request, such as `expires_at`.
        message: what is wrong with it.
    """

    code = "invalid_field"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class MalformedRequestError(DomainError):
    """The request cannot be read at all, such as a body that is no JSON."""

    code = "malformed_request"


class TooLargeError(DomainError):
    """The request is larger than is allowed."""

    code = "too_large"


class UnauthorizedError(DomainError):
    """The caller did not prove who they are."""

    code = "unauthorized"


class ForbiddenError(DomainError):
    """The caller is known and may not do this."""

    code = "forbidden"


class RateLimitedError(DomainError):
    """Too many requests. `retry_after` says when to come back.

    Args:
        message: which limit was reached.
        retry_after: seconds until the next try can succeed.
    """

    code = "rate_limited"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnavailableError(DomainError):
    """Something that the request needs is down for now.

    Args:
        message: what is down, in the caller's terms.
        retry_after: seconds after which a try makes sense.
    """

    code = "unavailable"

    def __init__(self, message: str, *, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after
