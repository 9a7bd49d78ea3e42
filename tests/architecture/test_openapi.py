"""The generated description of the API."""

import json
import re
from functools import cache
from typing import Any

import pytest

from goldalert.http.api import make_resolver
from goldalert.http.schemas import View
from infra.openapi import PROBLEMS, WRONG_PROOF, NameTakenError, describe, resolvers, routes


@cache
def document() -> dict[str, Any]:
    return describe(resolvers())


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    ]


def fields_of(operation: dict[str, Any]) -> set[str]:
    """The names in an operation's body."""
    found = re.search(r'"#/components/schemas/(\w+)"', json.dumps(operation.get("requestBody")))
    if found is None:
        return set()
    return set(document()["components"]["schemas"][found[1]]["properties"])


def test_every_route_is_in_the_document() -> None:
    in_code = {
        (route.method.lower(), route.openapi_path)
        for resolver in resolvers().values()
        for route in routes(resolver)
    }
    assert {(method, path) for method, path, _ in operations()} == in_code


def test_the_document_is_openapi_3_1() -> None:
    assert document()["openapi"].startswith("3.1.")
    identifiers = [operation["operationId"] for _, _, operation in operations()]
    assert len(identifiers) == len(set(identifiers))


def test_every_reference_leads_somewhere() -> None:
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document())):
        target: Any = document()
        for part in reference.split("/"):
            assert part in target, reference
            target = target[part]


def test_every_error_is_a_problem_document() -> None:
    for _, path, operation in operations():
        responses = operation["responses"]
        assert {"4XX", "5XX", "429", "503"} <= responses.keys(), path
        errors = {status: answer for status, answer in responses.items() if status[0] in "45"}
        if path.endswith("/health"):
            assert errors.pop("503") == responses["200"]
        for status, answer in errors.items():
            assert answer == {"$ref": f"#/components/responses/{PROBLEMS[status].name}"}, path
    for problem in document()["components"]["responses"].values():
        assert list(problem["content"]) == ["application/problem+json"]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("get", "/docs", set()),
        ("get", "/user/profile", {"401"}),
        ("get", "/admin/audit-logs", {"401", "403", "422"}),
        ("post", "/auth/login", {"400", "401", "413", "415", "422"}),
        ("post", "/auth/register", {"400", "413", "415", "422"}),
        ("post", "/auth/2fa/setup", {"401"}),
        ("delete", "/auth/account", {"400", "401", "403", "413", "415", "422"}),
        ("get", "/alert/{alert_id}", {"401", "404", "422"}),
        ("patch", "/alert/{alert_id}", {"400", "401", "404", "413", "415", "422"}),
    ],
)
def test_an_operation_names_the_errors_of_its_nature(
    method: str, path: str, expected: set[str]
) -> None:
    responses = document()["paths"][path][method]["responses"]
    named = {status for status in responses if re.fullmatch("4..", status)}
    assert named - {"429", "4XX"} == expected


def test_whoever_asks_for_a_proof_says_what_a_wrong_one_is_answered() -> None:
    """What somebody proves who is signed in is a 403: a 401 would say that the session is over."""
    asking = {
        f"{method.upper()} {path}"
        for method, path, operation in operations()
        if operation["security"] and fields_of(operation) & {"password", "current_password", "code"}
    }
    assert asking == {name for name, status in WRONG_PROOF.items() if status == "403"}
    giving = {
        f"{method.upper()} {path}"
        for method, path, operation in operations()
        if not operation["security"] and "TokenPair" in json.dumps(operation["responses"])
    }
    assert giving == {name for name, status in WRONG_PROOF.items() if status == "401"}


def test_who_must_wait_is_told_for_how_long() -> None:
    for status in ("429", "503"):
        response = document()["components"]["responses"][PROBLEMS[status].name]
        assert "Retry-After" in response["headers"]
    success = document()["paths"]["/price/current"]["get"]["responses"]["200"]
    assert "RateLimit-Remaining" in success["headers"]
    assert "headers" not in document()["paths"]["/price/health"]["get"]["responses"]["200"]


def test_an_answer_without_content_has_none() -> None:
    """S19."""
    described = [
        path for _, path, op in operations() if op["responses"].get("204", {}).get("content")
    ]
    assert described == []


def test_a_page_is_described_as_one() -> None:
    """S19."""
    for path in ("/docs", "/auth/verify-email", "/auth/password/reset"):
        answer = document()["paths"][path]["get"]["responses"]["200"]
        assert list(answer["content"]) == ["text/html"]


def test_a_route_says_who_may_call_it() -> None:
    security = {(method, path): operation["security"] for method, path, operation in operations()}
    assert security["get", "/health"] == []
    assert security["get", "/user/profile"] == [{"bearer": []}]
    assert security["get", "/admin/audit-logs"] == [{"bearer": ["admin"]}]
    scheme = document()["components"]["securitySchemes"]["bearer"]
    assert scheme == {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


def test_two_models_with_one_name_are_refused() -> None:
    def app(path: str, model: type[View]) -> Any:
        made = make_resolver()
        made.get(path)(lambda: None)
        route = made._static_routes[-1]
        route.func.__annotations__ = {"return": model}
        return made

    class Thing(View):
        a: int

    one = Thing

    class Thing(View):  # type: ignore[no-redef]
        b: str

    with pytest.raises(NameTakenError, match="Thing"):
        describe({"a_service": app("/a", one), "b_service": app("/b", Thing)})
