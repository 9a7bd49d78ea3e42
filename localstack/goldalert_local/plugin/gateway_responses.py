"""The answers that API Gateway gives itself (401, 403, 413, 5xx …), as the template words them.

LocalStack keeps of an AWS::ApiGateway::GatewayResponse the status only, and nothing at all of the
`x-amazon-apigateway-gateway-responses` of an OpenAPI body, which is where SAM puts them.
"""

import json
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

from localstack.aws.api.apigateway import GatewayResponse
from localstack.services.apigateway.helpers import get_apigateway_store
from localstack.services.apigateway.legacy import provider
from localstack.services.apigateway.next_gen.execute_api import handlers
from localstack.services.apigateway.next_gen.execute_api.context import RestApiInvocationContext
from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    AccessDeniedError,
    BaseGatewayException,
    InternalServerError,
    RequestTooLargeError,
    build_gateway_response,
    get_gateway_response_or_default,
)
from localstack.services.apigateway.next_gen.execute_api.handlers.gateway_exception import (
    GatewayExceptionHandler,
)
from rolo import Response

LOG = logging.getLogger(__name__)

JSON = "application/json"
MAX_REQUEST_BYTES = 10 * 2**20  # AWS's limit for a REST API
_DEFAULT_TEMPLATE = '{"message":$context.error.messageString}'
_VARIABLE = re.compile(r"\$((?:context|stageVariables|method\.request)\.[\w.-]*\w)")


def install() -> None:
    handlers.gateway_exception_handler = TemplatedExceptionHandler()
    handlers.modify_request.append(refuse_large_request)
    provider.import_api_from_openapi_spec = _importing_gateway_responses(
        provider.import_api_from_openapi_spec
    )


def refuse_large_request(
    _chain: object, context: RestApiInvocationContext, _response: object
) -> None:
    if len(context.invocation_request["body"]) > MAX_REQUEST_BYTES:
        raise RequestTooLargeError("Request Too Long")


class TemplatedExceptionHandler(GatewayExceptionHandler):  # type: ignore[misc]  # untyped base
    """Renders the deployed gateway response: status, headers and body."""

    def __call__(
        self,
        chain: object,
        exception: Exception,
        context: RestApiInvocationContext,
        response: Response,
    ) -> None:
        if not isinstance(exception, BaseGatewayException):
            LOG.error("the gateway failed", exc_info=exception)
            exception = InternalServerError("Internal server error")
        super().__call__(chain, exception, context, response)

    def create_exception_response(
        self, exception: BaseGatewayException, context: RestApiInvocationContext
    ) -> Response:
        gateway_response = get_gateway_response_or_default(
            exception.type, context.deployment.rest_api.gateway_responses
        )
        media_type, template = _template_of(gateway_response)
        if template == _DEFAULT_TEMPLATE and isinstance(exception, AccessDeniedError):
            template = template.replace("message", "Message", 1)  # so AWS has it, for this one
        return Response(
            response=render(template, context),
            status=gateway_response.get("statusCode") or exception.status_code or 500,
            headers={
                "Content-Type": media_type,
                "x-amzn-ErrorType": exception.code,
                **_headers(gateway_response.get("responseParameters") or {}, context),
            },
        )


def _template_of(gateway_response: GatewayResponse) -> tuple[str, str]:
    templates = gateway_response["responseTemplates"]
    media_type = JSON if JSON in templates else next(iter(templates))
    return media_type, templates[media_type]


def _headers(parameters: Mapping[str, str], context: RestApiInvocationContext) -> dict[str, str]:
    """`gatewayresponse.header.Name`: a 'quoted' constant or the name of a variable."""
    headers = {}
    for target, source in parameters.items():
        name = target.removeprefix("gatewayresponse.header.")
        if source.startswith("'"):
            headers[name] = source[1:-1]  # it may hold quotes, as a Content-Security-Policy does
        elif value := variable(source, context):
            headers[name] = value
    return headers


def render(template: str, context: RestApiInvocationContext) -> str:
    """Put in the variables. It is plain substitution: gateway responses know no Velocity."""
    return _VARIABLE.sub(lambda match: variable(match[1], context), template)


def variable(name: str, context: RestApiInvocationContext) -> str:
    """`context.error.messageString` as JSON, everything else as it is; unknown ones are empty."""
    value: Any
    match name.split("."):
        case ["context", "error", "messageString"]:
            return json.dumps(context.context_variables["error"]["message"])
        case ["context", *path]:
            value = context.context_variables
            for key in path:
                value = value.get(key) if isinstance(value, dict) else None
        case ["stageVariables", key]:
            value = (context.stage_variables or {}).get(key)
        case ["method", "request", "header", key]:
            value = context.invocation_request["headers"].get(key)
        case _:
            value = None
    return "" if value is None else str(value)


def _importing_gateway_responses(import_spec: Callable[..., Any]) -> Callable[..., Any]:
    def import_api_from_openapi_spec(
        rest_api: Any, context: Any, open_api_spec: Mapping[str, Any], **kwargs: Any
    ) -> Any:
        imported = import_spec(rest_api, context=context, open_api_spec=open_api_spec, **kwargs)
        container = get_apigateway_store(context=context).rest_apis[rest_api.id]
        responses = open_api_spec.get("x-amazon-apigateway-gateway-responses") or {}
        for response_type, response in responses.items():
            status = response.get("statusCode")
            container.gateway_responses[response_type] = build_gateway_response(
                response_type,
                status_code=None if status is None else str(status),
                response_parameters=response.get("responseParameters"),
                response_templates=response.get("responseTemplates"),
                default_response=False,
            )
        return imported

    return import_api_from_openapi_spec
