"""The files that the edge serves: the API's description, and the page that shows it.

The description is generated at build time (`infra/openapi.py`); Swagger UI comes with powertools,
so that the page loads nothing from elsewhere.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from goldalert.errors import NotFoundError

PAGE_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)

_SWAGGER_UI = "aws_lambda_powertools.event_handler.openapi.swagger_ui"
_CSS = "text/css; charset=utf-8"
_JAVASCRIPT = "text/javascript; charset=utf-8"
_ASSETS = {
    "swagger-ui.css": (_CSS, _SWAGGER_UI, "swagger-ui.min.css"),
    "swagger-ui.js": (_JAVASCRIPT, _SWAGGER_UI, "swagger-ui-bundle.min.js"),
    "start.js": (_JAVASCRIPT, "api_gateway", "pages/start.js"),
}


@dataclass(frozen=True)
class Document:
    """A text and its media type."""

    content_type: str
    body: str


@cache
def description() -> Document:
    """Return the OpenAPI document of the whole API."""
    return Document("application/json", _read("api_gateway", "openapi.json"))


@cache
def page() -> Document:
    return Document("text/html; charset=utf-8", _read("api_gateway", "pages/docs.html"))


@cache
def asset(name: str) -> Document:
    """Return a file that the page loads.

    Raises:
        NotFoundError: the page has no such file.
    """
    if name not in _ASSETS:
        raise NotFoundError("There is no such file.")
    content_type, package, path = _ASSETS[name]
    return Document(content_type, _read(package, path))


def _read(package: str, path: str) -> str:
    return files(package).joinpath(path).read_text(encoding="utf-8")
