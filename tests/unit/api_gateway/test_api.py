"""The routes of the edge."""

import re
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from api_gateway import documents
from api_gateway.bootstrap import services
from api_gateway.config import EdgeSettings
from api_gateway.handlers import api
from goldalert.http.health import HealthView, Status
from tests.support.invocations import Client

CLIENT = Client(api.lambda_handler)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("STAGE", "local")
    monkeypatch.setenv("HEALTH_FUNCTIONS", "goldalert-local-auth-service-api")
    services.cache_clear()
    yield
    services.cache_clear()


def policy_of(headers: dict[str, str]) -> dict[str, str]:
    parts = headers["Content-Security-Policy"].split("; ")
    return dict(part.split(" ", 1) for part in parts)


@pytest.mark.parametrize(("status", "http_status"), [("ok", 200), ("degraded", 200), ("down", 503)])
def test_only_down_is_a_503(status: Status, http_status: int) -> None:
    def health(function_name: str, service: str, correlation_id: str) -> HealthView:
        return HealthView(service=service, status=status, checks={"database": status})

    services().__dict__["health_source"] = SimpleNamespace(health=health)
    answer = CLIENT.get("/health")
    assert (answer.status, answer.body) == (
        http_status,
        {
            "status": status,
            "services": {"auth": {"status": status, "checks": {"database": status}}},
        },
    )


def test_the_page_loads_only_what_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """S14."""
    page = CLIENT.get("/docs")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    sources = re.findall(r'(?:src|href)="(?!data:)([^"]+)"', page.body)
    assert sources, "the page loads something"
    for source in set(sources) - {"openapi.json"}:
        asset = CLIENT.get(f"/{source}")
        assert (asset.status, bool(asset.body)) == (200, True), source
        expected = "text/css" if source.endswith(".css") else "text/javascript"
        assert asset.headers["Content-Type"].startswith(expected)
        assert asset.headers["X-Content-Type-Options"] == "nosniff"


def test_the_pages_policy_allows_its_own_origin_and_nothing_inline() -> None:
    """S14."""
    page = CLIENT.get("/docs")
    policy = policy_of(page.headers)
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert {policy["script-src"], policy["style-src"], policy["connect-src"]} == {"'self'"}
    assert re.findall(r"<style|<script>|style=|onload=", page.body) == []


def test_other_answers_keep_the_strict_policy() -> None:
    """S14."""
    policy = policy_of(CLIENT.get("/docs/start.js").headers)
    assert policy == {"default-src": "'none'", "frame-ancestors": "'none'"}


@pytest.mark.parametrize("name", ["other.js", "docs.html", "..%2Fconfig.py", "__init__.py"])
def test_no_other_file_is_served(name: str) -> None:
    answer = CLIENT.get(f"/docs/{name}")
    assert (answer.status, answer.headers["Content-Type"]) == (404, "application/problem+json")


def test_the_description_is_the_one_of_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    document = documents.Document("application/json", '{"openapi": "3.1.0"}')
    monkeypatch.setattr(documents, "description", lambda: document)
    answer = CLIENT.get("/openapi.json")
    assert (answer.status, answer.body) == (200, {"openapi": "3.1.0"})


@pytest.mark.parametrize(("value", "names"), [("a", ("a",)), ("a,b,c", ("a", "b", "c"))])
def test_the_functions_come_from_one_variable(
    monkeypatch: pytest.MonkeyPatch, value: str, names: tuple[str, ...]
) -> None:
    monkeypatch.setenv("HEALTH_FUNCTIONS", value)
    assert EdgeSettings.from_environment().health_functions == names
