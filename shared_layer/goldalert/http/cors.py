"""CORS: the pages of which other origins may call the API from a browser, by an exact list.

Credentials are never allowed: a caller proves who they are in `Authorization`, not in a cookie.
"""

from collections.abc import Collection

ALLOWED_METHODS = "GET, POST, PUT, PATCH, DELETE"
ALLOWED_HEADERS = "Authorization, Content-Type, Idempotency-Key, X-Correlation-Id"
EXPOSED_HEADERS = (
    "X-Correlation-Id, Retry-After, "
    "RateLimit-Limit, RateLimit-Policy, RateLimit-Remaining, RateLimit-Reset"
)
_MAX_AGE_SECONDS = 7200
"""For so long a browser need not ask again; Chromium takes no more."""


def cors_headers(
    origin: str | None, allowed_origins: Collection[str], *, is_preflight: bool = False
) -> dict[str, str]:
    """Return the headers for a request from `origin`: none that allow anything to a foreign one.

    Example:
        >>> cors_headers("https://elsewhere.example", ["https://app.example"])
        {'Vary': 'Origin'}
    """
    headers = {"Vary": "Origin"}
    if origin is None or origin not in allowed_origins:
        return headers
    headers["Access-Control-Allow-Origin"] = origin
    if is_preflight:
        return headers | {
            "Access-Control-Allow-Methods": ALLOWED_METHODS,
            "Access-Control-Allow-Headers": ALLOWED_HEADERS,
            "Access-Control-Max-Age": str(_MAX_AGE_SECONDS),
        }
    return headers | {"Access-Control-Expose-Headers": EXPOSED_HEADERS}
