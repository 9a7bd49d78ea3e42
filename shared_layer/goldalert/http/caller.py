"""Who calls: what the authorizer found out, as a dependency of a route."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler import Request
from aws_lambda_powertools.event_handler.depends import Depends

from goldalert.errors import ForbiddenError, UnauthorizedError
from goldalert.security.roles import Role


@dataclass(frozen=True)
class Caller:
    """A signed-in user: `session_id` is the session that the access token belongs to."""

    user_id: UUID
    role: Role
    session_id: UUID


def current_caller(request: Request) -> Caller:
    """Return the caller that the authorizer let in.

    Raises:
        UnauthorizedError: the route has no authorizer, which a test of the template forbids.
    """
    found = request.resolved_event["requestContext"].get("authorizer") or {}
    if not {"user_id", "role", "session_id"} <= found.keys():
        raise UnauthorizedError("Sign in first.")
    return Caller(UUID(found["user_id"]), found["role"], UUID(found["session_id"]))


def current_admin(request: Request) -> Caller:
    """Return the caller, who is an admin.

    Raises:
        ForbiddenError: they are not.
    """
    caller = current_caller(request)
    if caller.role != "admin":
        raise ForbiddenError("Only an admin may do this.")
    return caller


CurrentCaller = Annotated[Caller, Depends(current_caller)]
"""Any signed-in user: `def get_alert(alert_id: UUID, caller: CurrentCaller) -> AlertView`."""

CurrentAdmin = Annotated[Caller, Depends(current_admin)]
"""A signed-in admin; anyone else gets 403."""
