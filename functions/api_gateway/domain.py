"""How the whole is, from how its services are."""

from collections.abc import Mapping
from typing import Final

from goldalert.http.health import Status

ESSENTIAL: Final = frozenset({"auth", "price", "alert", "email"})
"""Without one of these the main job, from a price to a mail, stands still."""


def overall(statuses: Mapping[str, Status]) -> Status:
    if any(statuses[service] == "down" for service in ESSENTIAL & statuses.keys()):
        return "down"
    return "ok" if set(statuses.values()) <= {"ok"} else "degraded"


def service_of(function_name: str) -> str:
    """Return the service of an API function: `goldalert-prod-auth-service-api` is `auth`'s."""
    return function_name.rsplit("-", 3)[1]
