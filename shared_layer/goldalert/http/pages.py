"""The few pages for people, such as the one behind a link in a mail."""

import base64
import hashlib
import re
from functools import cache
from http import HTTPStatus
from importlib.resources import files

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse

A_PAGE: dict[int, OpenAPIResponse] = {
    HTTPStatus.OK: {
        "description": "The page.",
        "content": {"text/html": {"schema": {"type": "string"}}},
    }
}
"""What the API's description says of a route that answers with a page: `responses=A_PAGE`."""


def page(package: str, name: str) -> Response[str]:
    """Return the page `pages/<name>` of a service.

    Its policy allows just the inline scripts and styles of the page itself, and requests to the
    page's own origin.
    """
    body, policy = _load(package, name)
    return Response(
        status_code=HTTPStatus.OK,
        content_type="text/html; charset=utf-8",
        headers={"Content-Security-Policy": policy},
        body=body,
    )


@cache
def _load(package: str, name: str) -> tuple[str, str]:
    body = files(package).joinpath("pages", name).read_text(encoding="utf-8")
    sources = {
        directive: " ".join(
            f"'sha256-{base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()}'"
            for inline in re.findall(f"<{tag}>(.*?)</{tag}>", body, re.DOTALL)
        )
        or "'none'"
        for directive, tag in (("script-src", "script"), ("style-src", "style"))
    }
    policy = "; ".join(
        [
            "default-src 'none'",
            "connect-src 'self'",
            "frame-ancestors 'none'",
            *(f"{directive} {allowed}" for directive, allowed in sources.items()),
        ]
    )
    return body, policy
