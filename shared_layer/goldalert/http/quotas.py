"""How many requests a user, or a network of people who are not signed in, may send to a service.

API Gateway has counted all requests together before; this keeps one caller from using up what is
meant for all. A service counts in its own Redis, so the services do not take from each other.
"""

from collections.abc import Mapping
from typing import Any

from goldalert.http.caller import network_of
from goldalert.rate_limiting import Allowance, RateLimit, RateLimiter
from goldalert.settings import HttpSettings

_WINDOW_SECONDS = 60


def count_request(
    limiter: RateLimiter, settings: HttpSettings, event: Mapping[str, Any]
) -> Allowance:
    """Count an event of API Gateway for its user, or else for its network."""
    if user_id := signed_in_user(event):
        return limiter.hit(
            RateLimit("user", settings.user_requests_per_minute, _WINDOW_SECONDS), user_id
        )
    return limiter.hit(
        RateLimit("network", settings.network_requests_per_minute, _WINDOW_SECONDS),
        network_of(event),
    )


def signed_in_user(event: Mapping[str, Any]) -> str | None:
    """Return the id of the user that the authorizer let in; None on a public route."""
    user_id: str | None = (event["requestContext"].get("authorizer") or {}).get("user_id")
    return user_id


def rate_limit_headers(allowance: Allowance) -> dict[str, str]:
    """Say what is left, as draft-ietf-httpapi-ratelimit-headers-06 does.

    It is the last draft with a header for each value; those since then put them into one
    structured `RateLimit`, which few clients read so far.
    """
    limit = allowance.limit
    return {
        "RateLimit-Limit": str(limit.amount),
        "RateLimit-Policy": f"{limit.amount};w={limit.seconds}",
        "RateLimit-Remaining": str(allowance.remaining),
        "RateLimit-Reset": str(allowance.reset_seconds),
    }
