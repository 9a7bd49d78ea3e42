"""Generates the one OpenAPI 3.1 document of the whole API from the services' routes.

Run by the build, with the services and the library on the import path. What the code cannot say
is added here: a route that takes no caller is public, one that takes an admin is for admins, and
every error is a problem document.
"""

import argparse
import importlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.api_gateway import Route
from aws_lambda_powertools.event_handler.openapi.merge import OpenAPIMerge
from aws_lambda_powertools.event_handler.openapi.models import Server

from goldalert.http.caller import CurrentAdmin, CurrentCaller
from goldalert.http.problems import Problem

FUNCTIONS = Path(__file__).resolve().parents[1] / "functions"
SCHEME = "bearer"
# powertools' own shapes of errors, which problem documents stand in for
UNUSED_SCHEMAS = {"HTTPValidationError", "ValidationError", "ResponseValidationError"}

EDGE = "api_gateway"  # it counts no requests, nor is health counted


class ProblemResponse(NamedTuple):
    """An error, as a component of the document."""

    name: str
    description: str


PROBLEMS = {
    "400": ProblemResponse("Malformed", "The request cannot be read."),
    "401": ProblemResponse("Unauthorized", "No token or credentials that hold (any more)."),
    "403": ProblemResponse("Forbidden", "Not an admin, or the password or the code is wrong."),
    "404": ProblemResponse("NotFound", "There is no such thing, or it is somebody else's."),
    "413": ProblemResponse("TooLarge", "The body is larger than 64 KiB."),
    "415": ProblemResponse("UnsupportedMediaType", "The body is not JSON."),
    "422": ProblemResponse("Invalid", "Some fields are wrong; `errors` names them."),
    "429": ProblemResponse("TooManyRequests", "Come back after `Retry-After` seconds."),
    "503": ProblemResponse("Unavailable", "Something is down; come back after `Retry-After`."),
    "4XX": ProblemResponse("Problem", "What went wrong (RFC 9457)."),
    "5XX": ProblemResponse("Problem", "What went wrong (RFC 9457)."),
}
# what a route finds out by itself, by what the caller gives to prove who they are
WRONG_PROOF = {
    "POST /auth/login": "401",
    "POST /auth/refresh": "401",
    "POST /auth/password/change": "403",
    "POST /auth/2fa/enable": "403",
    "POST /auth/2fa/disable": "403",
    "POST /auth/2fa/recovery-codes": "403",
    "DELETE /auth/account": "403",
}
RATE_LIMIT_HEADERS = {
    "RateLimit-Limit": ("Requests that you may send to this service in a minute.", "integer"),
    "RateLimit-Policy": ("The same with its window in seconds, such as `300;w=60`.", "string"),
    "RateLimit-Remaining": ("Requests that are left right now.", "integer"),
    "RateLimit-Reset": ("Seconds until more are left than now.", "integer"),
}
RETRY_AFTER = {"Retry-After": ("Seconds until a new try makes sense.", "integer")}


class NameTakenError(Exception):
    """Two services call different models by one name; one of them must be renamed."""


def resolvers() -> dict[str, APIGatewayRestResolver]:
    """The resolver of each service, by the name of its package."""
    packages = sorted(path.parents[1].name for path in FUNCTIONS.glob("*/handlers/api.py"))
    return {name: importlib.import_module(f"{name}.handlers.api").app for name in packages}


def routes(resolver: APIGatewayRestResolver) -> list[Route]:
    return [*resolver._static_routes, *resolver._dynamic_routes]


def security_of(route: Route) -> list[dict[str, list[str]]]:
    """Who may call a route, as OpenAPI 3.1 says it: the list names the roles that are needed."""
    hints = get_type_hints(route.func, include_extras=True).values()
    if CurrentAdmin in hints:
        return [{SCHEME: ["admin"]}]
    return [{SCHEME: []}] if CurrentCaller in hints else []


def describe(services: dict[str, APIGatewayRestResolver]) -> dict[str, Any]:
    """The document of all services' routes."""
    merge = OpenAPIMerge(
        title="Gold Price Alert",
        version="1",
        openapi_version="3.1.0",
        description="Watch gold prices, set alerts, and be told when one triggers.",
        security_schemes={
            SCHEME: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}  # type: ignore[dict-item]
        },
        # relative to the document: the API also lives under /v1 and under a stage's path
        servers=[Server(url=".")],
        on_conflict="error",
    )
    schemas: dict[str, Any] = {}
    for service, resolver in services.items():
        described = resolver.get_openapi_schema().model_dump(
            mode="json", by_alias=True, exclude_none=True
        )
        for route in routes(resolver):
            operation = described["paths"][route.openapi_path][route.method.lower()]
            operation["summary"] = route.func.__name__.replace("_", " ").capitalize()
            complete(operation, service, security_of(route))
            if status := WRONG_PROOF.get(f"{route.method} {route.openapi_path}"):
                add_problem(operation, status)
            if route.openapi_path.endswith("/health"):
                # what is down says so in the same words
                operation["responses"]["503"] = operation["responses"]["200"]
            elif service != EDGE:
                add_rate_limit_headers(operation)
        for name, schema in described.get("components", {}).get("schemas", {}).items():
            if schemas.setdefault(name, schema) != schema:
                raise NameTakenError(f"{service} and another service both have a model {name}")
        merge.add_schema(described)
    document = merge.get_openapi_schema()
    add_problems(document["components"])
    return document


def complete(operation: dict[str, Any], service: str, security: list[dict[str, list[str]]]) -> None:
    """Add to an operation what the resolver does not know."""
    operation["tags"] = [service.removesuffix("_service")]
    operation["security"] = security
    responses = operation["responses"]
    for status in ("422", "500"):
        responses.pop(status, None)
    if "204" in responses:  # it has no body, nor a `null` in one
        responses["204"].pop("content", None)
    for status in sorted(expected_problems(operation)):
        add_problem(operation, status)


def add_problem(operation: dict[str, Any], status: str) -> None:
    reference = f"#/components/responses/{PROBLEMS[status].name}"
    operation["responses"][status] = {"$ref": reference}


def add_rate_limit_headers(operation: dict[str, Any]) -> None:
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            response["headers"] = {
                name: {"$ref": f"#/components/headers/{name}"} for name in RATE_LIMIT_HEADERS
            }


def expected_problems(operation: dict[str, Any]) -> set[str]:
    """The errors that an operation can end in by its nature; the last two stand for the rest."""
    statuses = {"429", "503", "4XX", "5XX"}
    parameters = operation.get("parameters", [])
    if operation["security"]:
        statuses.add("401")
    if [{SCHEME: ["admin"]}] == operation["security"]:
        statuses.add("403")
    if any(parameter["in"] == "path" for parameter in parameters):
        statuses.add("404")
    if parameters or "requestBody" in operation:
        statuses.add("422")
    if "requestBody" in operation:
        statuses |= {"400", "413", "415"}
    return statuses


def add_problems(components: dict[str, Any]) -> None:
    for name in UNUSED_SCHEMAS:
        components["schemas"].pop(name, None)
    schema = Problem.model_json_schema(
        mode="serialization", ref_template="#/components/schemas/{model}"
    )
    components["schemas"] |= {**schema.pop("$defs"), "Problem": schema}
    components["headers"] = {
        name: {"description": description, "schema": {"type": kind}}
        for name, (description, kind) in {**RATE_LIMIT_HEADERS, **RETRY_AFTER}.items()
    }
    components["responses"] = {
        problem.name: {
            "description": problem.description,
            "content": {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            },
            **(
                {
                    "headers": {
                        name: {"$ref": f"#/components/headers/{name}"} for name in RETRY_AFTER
                    }
                }
                if status in {"429", "503"}
                else {}
            ),
        }
        for status, problem in PROBLEMS.items()
    }


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Write the OpenAPI document of the whole API.")
    parser.add_argument("output", type=Path)
    output: Path = parser.parse_args(arguments).output
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(describe(resolvers()), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
