"""Every route is reachable through the template, and by no more people than it should be."""

import ast
from typing import Any, NamedTuple

import pytest
from aws_lambda_powertools.event_handler.api_gateway import Route

from infra.openapi import resolvers, routes, security_of
from tests.support import access
from tests.support.services import FUNCTIONS, logical_id
from tests.support.template import rank, render

PUBLIC_ROUTES = {name for name, row in access.ROUTES.items() if row.who == "anybody"}


class Entry(NamedTuple):
    """One method of one resource of the API, as the template declares it."""

    function: str
    method: str
    path: str
    is_public: bool


def entries() -> list[Entry]:
    found = []
    for function, properties in render("prod").functions.items():
        for event in properties.get("Events", {}).values():
            if event["Type"] == "Api":
                api: dict[str, Any] = event["Properties"]
                auth = api.get("Auth", {})
                assert auth in ({}, {"Authorizer": "NONE"}), f"{function}: {auth}"
                found.append(Entry(function, api["Method"], api["Path"], bool(auth)))
    return found


ENTRIES = entries()
ROUTES = [
    (service, route) for service, resolver in resolvers().items() for route in routes(resolver)
]


def reached_by(method: str, path: str) -> Entry | None:
    """What API Gateway does with a request: the closest resource, then its method or ANY."""
    fitting = {
        resource: fit
        for resource in {entry.path for entry in ENTRIES}
        if (fit := rank(resource, path)) is not None
    }
    if not fitting:
        return None
    closest = min(fitting, key=lambda resource: fitting[resource])
    methods = {entry.method: entry for entry in ENTRIES if entry.path == closest}
    return methods.get(method) or methods.get("ANY")


def test_what_is_public_is_on_the_list() -> None:
    public = {
        f"{route.method} {route.openapi_path}"
        for _, route in ROUTES
        if (entry := reached_by(route.method, route.openapi_path)) and entry.is_public
    }
    assert public == PUBLIC_ROUTES


def test_every_public_path_is_the_one_of_a_public_route() -> None:
    on_the_list = {route.split(" ", 1)[1] for route in PUBLIC_ROUTES}
    paths = {entry.path for entry in ENTRIES if entry.is_public and entry.method != "OPTIONS"}
    assert paths == on_the_list


@pytest.mark.parametrize("path", sorted({entry.path for entry in ENTRIES}))
def test_a_browser_may_ask_first_without_a_token(path: str) -> None:
    """S14. The service whose path it is answers, and knows the allowed origins."""
    preflight = reached_by("OPTIONS", path)
    assert preflight is not None
    assert preflight.is_public
    assert {preflight.function} == {entry.function for entry in ENTRIES if entry.path == path}


def test_the_default_is_to_refuse() -> None:
    auth = render("prod").resources["Api"]["Properties"]["Auth"]
    assert auth["DefaultAuthorizer"] == "Session"
    # a logout holds at once only when no policy is kept
    assert auth["Authorizers"]["Session"]["Identity"]["ReauthorizeEvery"] == 0


@pytest.mark.parametrize(
    ("service", "route"), ROUTES, ids=[f"{r.method} {r.openapi_path}" for _, r in ROUTES]
)
def test_a_route_is_reachable_by_those_it_is_for(service: str, route: Route) -> None:
    """S8."""
    entry = reached_by(route.method, route.openapi_path)
    assert entry is not None, "API Gateway would answer 403"
    assert entry.function == logical_id(service, "api")
    assert entry.is_public == (security_of(route) == [])


@pytest.mark.parametrize("service", sorted(resolvers()))
def test_routes_only_pass_on(service: str) -> None:
    tree = ast.parse(FUNCTIONS.joinpath(service, "handlers", "api.py").read_text(encoding="utf-8"))
    too_long = {
        node.name: length
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.decorator_list
        for body in [node.body[1:] if ast.get_docstring(node) else node.body]
        if body and (length := (body[-1].end_lineno or 0) - body[0].lineno + 1) > 10
    }
    assert too_long == {}
