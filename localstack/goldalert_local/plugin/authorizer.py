"""Lambda authorizers (TOKEN and REQUEST) of REST APIs. The free LocalStack never calls them, which
would leave every API open.
"""

import json
import logging
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from localstack.aws.connect import connect_to
from localstack.services.apigateway.next_gen.execute_api import handlers
from localstack.services.apigateway.next_gen.execute_api.context import RestApiInvocationContext
from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    AccessDeniedError,
    AuthorizerConfigurationError,
    AuthorizerFailureError,
    UnauthorizedError,
)
from localstack.utils.aws.client_types import ServicePrincipal

LOG = logging.getLogger(__name__)

DEFAULT_TTL_SECONDS = 300  # AWS's, when the authorizer names none

type Json = dict[str, Any]


class _BrokenError(Exception):
    """The authorizer answered, but not as an authorizer has to."""


def install() -> None:
    if not is_installed():
        handlers.preprocess_request.append(LambdaAuthorizers())


def is_installed() -> bool:
    return any(isinstance(handler, LambdaAuthorizers) for handler in _preprocessors())


def _preprocessors() -> list[object]:
    return list(handlers.preprocess_request.handlers)


@dataclass(frozen=True)
class Decision:
    """An authorizer's answer: it may be asked for several methods while it is cached."""

    principal_id: str
    statements: tuple[Json, ...]
    context: dict[str, str]

    @classmethod
    def parse(cls, answer: object) -> "Decision":
        """Raises _BrokenError on whatever API Gateway would call a configuration error."""
        match answer:
            case {"principalId": str(principal_id), "policyDocument": {"Statement": found}, **rest}:
                statements = found if isinstance(found, list) else [found]
            case _:
                raise _BrokenError("it needs a principalId and a policyDocument with statements")
        for statement in statements:
            if (
                not isinstance(statement, dict)
                or statement.get("Effect") not in ("Allow", "Deny")
                or not {"Action", "Resource"} <= statement.keys() <= _EVALUATED
            ):
                raise _BrokenError(f"this statement cannot be evaluated: {statement}")
        context = rest.get("context") or {}
        if not isinstance(context, dict) or any(
            isinstance(value, dict | list) for value in context.values()
        ):
            raise _BrokenError("its context may hold strings, numbers and booleans only")
        return cls(principal_id, tuple(statements), _strings(context))

    def effect_on(self, method_arn: str) -> str | None:
        """Allow, Deny, or None when no statement speaks of the method. Deny wins."""
        effects = {
            statement["Effect"]
            for statement in self.statements
            if any(_matches("execute-api:invoke", a.lower()) for a in _list(statement["Action"]))
            and any(_matches(method_arn, resource) for resource in _list(statement["Resource"]))
        }
        return "Deny" if "Deny" in effects else "Allow" if "Allow" in effects else None


_EVALUATED = {"Sid", "Effect", "Action", "Resource"}


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _matches(value: str, pattern: str) -> bool:
    """IAM's wildcards: * for any characters, ? for one."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, value, re.DOTALL) is not None


def _strings(context: Mapping[str, object]) -> dict[str, str]:
    """API Gateway hands every value on as a string, booleans as in JSON, and drops nulls."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in context.items()
        if value is not None
    }


class LambdaAuthorizers:
    """A handler of the execute-api chain, between routing and integration."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cache: dict[tuple[str, ...], tuple[float, Decision]] = {}

    def __call__(
        self, _chain: object, context: RestApiInvocationContext, _response: object
    ) -> None:
        method = context.resource_method
        if method.get("authorizationType") != "CUSTOM":
            return
        authorizer = context.deployment.rest_api.authorizers.get(method.get("authorizerId"))
        if not authorizer:
            raise AuthorizerConfigurationError
        identity = _identity(authorizer, context)
        method_arn = _arn(context, f"{context.stage}/{_verb_and_path(context)}")
        decision = self._decide(authorizer, identity, method_arn, context)
        match decision.effect_on(method_arn):
            case "Deny":
                raise AccessDeniedError(
                    "User is not authorized to access this resource with an explicit deny"
                )
            case None:
                raise AccessDeniedError("User is not authorized to access this resource")
        context.context_variables["authorizer"] = {
            **decision.context,
            "principalId": decision.principal_id,
        }

    def _decide(
        self,
        authorizer: Json,
        identity: tuple[str, ...],
        method_arn: str,
        context: RestApiInvocationContext,
    ) -> Decision:
        ttl = authorizer.get("authorizerResultTtlInSeconds")
        ttl = DEFAULT_TTL_SECONDS if ttl is None else int(ttl)
        if not ttl or not identity:
            return _ask(authorizer, identity, method_arn, context)
        key = (context.api_id, context.stage, authorizer["id"], *identity)
        now = time.monotonic()
        with self._lock:
            self._cache = {k: entry for k, entry in self._cache.items() if entry[0] > now}
            if key in self._cache:
                return self._cache[key][1]
        decision = _ask(authorizer, identity, method_arn, context)
        with self._lock:
            self._cache[key] = (now + ttl, decision)
        return decision


def _identity(authorizer: Json, context: RestApiInvocationContext) -> tuple[str, ...]:
    """The values of the identity sources; a missing one is a 401 without asking the function."""
    request = context.invocation_request
    values = []
    for source in filter(None, map(str.strip, (authorizer.get("identitySource") or "").split(","))):
        match source.removeprefix("method.request.").split(".", 1):
            case ["header", name]:
                value = request["headers"].get(name)
            case ["querystring", name]:
                value = (request.get("query_string_parameters") or {}).get(name)
            case ["stageVariables", name]:
                value = (context.stage_variables or {}).get(name)
            case ["context", name]:
                value = context.context_variables.get(name)
            case _:
                raise AuthorizerConfigurationError
        if not value:
            raise UnauthorizedError("Unauthorized")
        values.append(str(value))
    expression = authorizer.get("identityValidationExpression")
    if authorizer["type"] == "TOKEN" and expression and not re.fullmatch(expression, values[0]):
        raise UnauthorizedError("Unauthorized")
    return tuple(values)


def _ask(
    authorizer: Json, identity: tuple[str, ...], method_arn: str, context: RestApiInvocationContext
) -> Decision:
    event = (
        {"type": "TOKEN", "methodArn": method_arn, "authorizationToken": identity[0]}
        if authorizer["type"] == "TOKEN"
        else _request_event(method_arn, context)
    )
    function_arn = authorizer["authorizerUri"].split("/functions/")[1].removesuffix("/invocations")
    client = connect_to(
        region_name=context.region, aws_access_key_id=context.account_id
    ).lambda_.request_metadata(
        source_arn=_arn(context, f"authorizers/{authorizer['id']}"),
        service_principal=ServicePrincipal.apigateway,
    )
    try:
        invocation = client.invoke(FunctionName=function_arn, Payload=json.dumps(event))
    except (ClientError, BotoCoreError) as error:
        LOG.warning("authorizer %s could not be called: %s", authorizer["name"], error)
        raise AuthorizerFailureError("Internal server error") from error
    payload = invocation["Payload"].read()
    try:
        answer = json.loads(payload)
        if "FunctionError" not in invocation:
            return Decision.parse(answer)
    except (ValueError, _BrokenError) as error:
        LOG.warning("authorizer %s gave a broken answer: %s", authorizer["name"], error)
        raise AuthorizerConfigurationError from error
    if isinstance(answer, dict) and answer.get("errorMessage") == "Unauthorized":
        raise UnauthorizedError("Unauthorized")
    LOG.warning("authorizer %s failed: %s", authorizer["name"], answer)
    raise AuthorizerConfigurationError


def _request_event(method_arn: str, context: RestApiInvocationContext) -> Json:
    request = context.invocation_request
    headers = request["headers"]
    return {
        "type": "REQUEST",
        "methodArn": method_arn,
        "resource": context.resource["path"],
        "path": request["path"],
        "httpMethod": request["http_method"],
        "headers": {name: headers.getlist(name)[-1] for name in headers.keys()},
        "multiValueHeaders": {name: headers.getlist(name) for name in headers.keys()},
        "queryStringParameters": request.get("query_string_parameters") or {},
        "multiValueQueryStringParameters": request.get("multi_value_query_string_parameters") or {},
        "pathParameters": request.get("path_parameters") or {},
        "stageVariables": context.stage_variables or {},
        "requestContext": context.context_variables,
    }


def _verb_and_path(context: RestApiInvocationContext) -> str:
    request = context.invocation_request
    return f"{request['http_method']}{request['path']}"


def _arn(context: RestApiInvocationContext, suffix: str) -> str:
    return f"arn:aws:execute-api:{context.region}:{context.account_id}:{context.api_id}/{suffix}"
