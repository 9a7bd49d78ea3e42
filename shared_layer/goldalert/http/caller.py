"""Who calls, from where and with what: dependencies of a route."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Annotated, Any
from uuid import UUID

from aws_lambda_powertools.event_handler import Request
from aws_lambda_powertools.event_handler.depends import Depends

from goldalert.errors import ForbiddenError, UnauthorizedError
from goldalert.security.roles import Role

_DEVICE_CHARACTERS = 200
_IPV6_PREFIX = 64
"""What one subscriber has at least, and changes at will within."""


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


def token_expiry(request: Request) -> datetime:
    """Return when the access token that the authorizer let in ends."""
    authorizer = request.resolved_event["requestContext"]["authorizer"]
    return datetime.fromtimestamp(int(authorizer["expires_at"]), UTC)


def client_address(request: Request) -> str:
    """Return the network that the request comes from: an IPv4 address, or an IPv6 /64."""
    return network_of(request.resolved_event.raw_event)


def network_of(event: Mapping[str, Any]) -> str:
    """Return the network that an event of API Gateway comes from, or `unknown`.

    API Gateway sets it; what a client says in a header is not asked.
    """
    identity = event["requestContext"].get("identity") or {}
    try:
        address = ip_address(identity.get("sourceIp") or "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return str(IPv6Network((address.packed, _IPV6_PREFIX), strict=False))
        address = address.ipv4_mapped
    return str(address)


def device(request: Request) -> str | None:
    """Return what the client's program says that it is, as far as a line can show it."""
    said = request.resolved_event.headers.get("User-Agent") or ""
    printable = "".join(character for character in said if character.isprintable())
    return printable[:_DEVICE_CHARACTERS].strip() or None


CurrentCaller = Annotated[Caller, Depends(current_caller)]
"""Any signed-in user: `def get_alert(alert_id: UUID, caller: CurrentCaller) -> AlertView`."""

CurrentAdmin = Annotated[Caller, Depends(current_admin)]
"""A signed-in admin; anyone else gets 403."""

TokenExpiry = Annotated[datetime, Depends(token_expiry)]
"""When the caller's access token ends; only on routes that have an authorizer."""

ClientAddress = Annotated[str, Depends(client_address)]
"""The client's network, which tells strangers apart: `def login(network: ClientAddress)`."""

Device = Annotated[str | None, Depends(device)]
"""The client's program (its User-Agent), to show to the user and for nothing else."""
