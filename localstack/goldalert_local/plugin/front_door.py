"""The front door: the API on an address of its own, as the custom domain shows it on AWS.

It is a gateway apart from LocalStack's, so that no AWS API can be reached through it. Settings:
FRONT_DOOR_LISTEN (host:port; unset: no front door), FRONT_DOOR_API (the REST API's name) and
FRONT_DOOR_STAGE. The API is looked up on every request, so it may be deployed and replaced at will.
"""

import json
import os
from http import HTTPStatus

from localstack.config import HostAndPort
from localstack.constants import DEFAULT_AWS_ACCOUNT_ID
from localstack.runtime import get_current_runtime
from localstack.runtime.exceptions import LocalstackExit
from localstack.services.apigateway.models import apigateway_stores
from localstack.services.apigateway.next_gen.execute_api import handlers
from localstack.services.apigateway.next_gen.execute_api.context import RestApiInvocationContext
from localstack.services.apigateway.next_gen.execute_api.router import (
    ApiGatewayEndpoint,
    ApiGatewayRouter,
)
from moto.apigateway.models import apigateway_backends
from rolo import Request, Response
from rolo.gateway import Gateway, HandlerChain, RequestContext

from goldalert_local.plugin import authorizer

BASE_PATH = "/v1"  # the base path mapping: /v1/x is /x of the same API
_CAME_THROUGH = "goldalert.base_path"


def install() -> None:
    """Listen, unless the authorizers are not active: better no door than an open one."""
    if not (listen := os.environ.get("FRONT_DOOR_LISTEN")):
        return
    if not authorizer.is_installed():
        raise LocalstackExit("front door: refusing to serve, the authorizers are not active", 1)
    handlers.modify_request.append(name_the_client)
    # after the routing and the authorizer, which know nothing of base paths
    handlers.preprocess_request.append(restore_base_path)
    front_door = FrontDoor(os.environ["FRONT_DOOR_API"], os.environ["FRONT_DOOR_STAGE"])
    host, port = listen.rsplit(":", 1)
    get_current_runtime().components.runtime_server.register(
        Gateway(request_handlers=[front_door]), [HostAndPort(host, int(port))]
    )


def name_the_client(_chain: object, context: RestApiInvocationContext, _response: object) -> None:
    """LocalStack says 127.0.0.1 of every client."""
    context.context_variables["identity"]["sourceIp"] = context.request.remote_addr


def restore_base_path(_chain: object, context: RestApiInvocationContext, _response: object) -> None:
    """A base path chooses the API, and stays in the path that the function sees."""
    base_path = context.request.environ.get(_CAME_THROUGH, "")
    context.invocation_request["path"] = f"{base_path}{context.invocation_request['path']}"


class FrontDoor:
    """Hands requests to the deployed stage of the REST API with a given name."""

    def __init__(self, api_name: str, stage: str) -> None:
        self._api_name = api_name
        self._stage = stage
        self._endpoint: ApiGatewayEndpoint | None = None

    def __call__(self, chain: HandlerChain, context: RequestContext, response: Response) -> None:
        chain.stop()
        response.update_from(self._answer(context.request))

    def _answer(self, request: Request) -> Response:
        api_id = self._deployed_api()
        if not api_id:
            request.get_data()  # a client that is still sending would not read our answer
            return _not_deployed()
        base_path, path = _split_base_path(request.environ["RAW_URI"])
        request.environ[_CAME_THROUGH] = base_path
        request.environ["RAW_URI"] = (
            f"{ApiGatewayRouter.EXECUTE_API_INTERNAL_PATH}/{api_id}/{self._stage}{path}"
        )
        self._endpoint = self._endpoint or ApiGatewayEndpoint(store=apigateway_stores)
        invocation, response = self._endpoint.prepare_rest_api_invocation(
            request, api_id, self._stage
        )
        self._endpoint.rest_gateway.process_with_context(invocation, response)
        return response

    def _deployed_api(self) -> str | None:
        """The newest, for a replaced API is deleted only after its successor is in place."""
        deployed = [
            api
            for backend in list(apigateway_backends[DEFAULT_AWS_ACCOUNT_ID].values())
            for api in list(backend.apis.values())
            if api.name == self._api_name and self._stage in _active_stages(api.id)
        ]
        newest = max(deployed, key=lambda api: api.create_date, default=None)
        return newest.id if newest else None


def _active_stages(api_id: str) -> dict[str, str]:
    """Stage to deployment. The store shares this over all regions."""
    store = apigateway_stores[DEFAULT_AWS_ACCOUNT_ID]["us-east-1"]
    stages: dict[str, str] = store.active_deployments.get(api_id.lower(), {})
    return stages


def _split_base_path(uri: str) -> tuple[str, str]:
    path, question_mark, query = uri.partition("?")
    base_path = ""
    if path == BASE_PATH or path.startswith(f"{BASE_PATH}/"):
        base_path, path = BASE_PATH, path.removeprefix(BASE_PATH) or "/"
    return base_path, f"{path}{question_mark}{query}"


def _not_deployed() -> Response:
    status = HTTPStatus.SERVICE_UNAVAILABLE
    problem = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status,
        "detail": "The API is not deployed yet.",
    }
    return Response(
        json.dumps(problem),
        status,
        headers={"Content-Type": "application/problem+json", "Retry-After": "1"},
    )
