"""All HTTP routes of the edge."""

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.types import (
    OpenAPIResponse,
    OpenAPIResponseContentSchema,
)

from api_gateway import documents, use_cases
from api_gateway.bootstrap import services
from api_gateway.config import HEALTH_DEADLINE_SECONDS
from api_gateway.schemas import SystemHealth
from goldalert.http.api import make_resolver, serve

app = make_resolver()


def _answers(content_type: str, json_type: str) -> dict[int, OpenAPIResponse]:
    content: OpenAPIResponseContentSchema = {"schema": {"type": json_type}}
    return {HTTPStatus.OK: {"description": "The document.", "content": {content_type: content}}}


@app.get("/health")
def health() -> Response[SystemHealth]:
    """Say how all services are; 503 when the main job stands still."""
    system = use_cases.check_system(
        services().health_source,
        services().settings.health_functions,
        deadline_seconds=HEALTH_DEADLINE_SECONDS,
    )
    is_down = system.status == "down"
    status = HTTPStatus.SERVICE_UNAVAILABLE if is_down else HTTPStatus.OK
    return Response(status_code=status, content_type="application/json", body=system)


@app.get("/openapi.json", responses=_answers("application/json", "object"))
def openapi() -> Response[str]:
    """Describe the whole API (OpenAPI 3.1)."""
    return _answer(documents.description(), {})


@app.get("/docs", responses=_answers("text/html", "string"))
def docs() -> Response[str]:
    """Show the description, to be read and tried."""
    return _answer(documents.page(), {"Content-Security-Policy": documents.PAGE_POLICY})


@app.get("/docs/<asset>", responses=_answers("text/*", "string"))
def docs_asset(asset: str) -> Response[str]:
    """Return a file that the page loads."""
    return _answer(documents.asset(asset), {"Cache-Control": "public, max-age=3600"})


def _answer(document: documents.Document, headers: dict[str, str]) -> Response[str]:
    return Response(
        status_code=HTTPStatus.OK,
        content_type=document.content_type,
        body=document.body,
        headers=headers,
    )


lambda_handler = serve(app, lambda: services())
