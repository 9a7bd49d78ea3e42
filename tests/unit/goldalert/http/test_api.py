"""What every HTTP answer has in common."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from pydantic import Field

from goldalert import errors
from goldalert.http.api import MAX_BODY_BYTES, make_resolver, serve
from goldalert.http.caller import CurrentAdmin, CurrentCaller
from goldalert.http.idempotency import IdempotencyKey
from goldalert.http.paging import Cursor, Limit, decode_cursor
from goldalert.http.schemas import RequestBody, View
from goldalert.observability.log import logger
from goldalert.rate_limiting import RateLimiter
from goldalert.settings import HttpSettings

USER = "0198f2a0-0000-7000-8000-000000000001"
SESSION = "0198f2a0-0000-7000-8000-000000000002"
APP = "https://app.example"
OTHER_APP = "http://localhost:3000"


@dataclass
class Context:
    aws_request_id: str = "lambda-request"
    function_name: str = "thing"
    memory_limit_in_mb: int = 128
    invoked_function_arn: str = "arn"


@dataclass
class Services:
    settings: HttpSettings = field(
        default_factory=lambda: HttpSettings(allowed_origins=f"{APP},{OTHER_APP}")
    )
    rate_limiter: RateLimiter | None = None


class ThingBody(RequestBody):
    price: Decimal = Field(gt=0, max_digits=30, allow_inf_nan=False)


class ThingView(View):
    id: str
    price: Decimal


def make_app() -> APIGatewayRestResolver:
    app = make_resolver()

    @app.post("/thing", status_code=201)
    def create(body: ThingBody, idempotency_key: IdempotencyKey = None) -> ThingView:
        return ThingView(id=idempotency_key or "1", price=body.price)

    @app.get("/thing")
    def things(limit: Limit = 20, cursor: Cursor = None) -> dict[str, str]:
        return {"after": str(decode_cursor(cursor)), "limit": str(limit)}

    @app.get("/thing/<thing_id>")
    def get(thing_id: UUID, caller: CurrentCaller) -> dict[str, str]:
        return {"thing": str(thing_id), "user": str(caller.user_id)}

    @app.get("/admin")
    def admin(caller: CurrentAdmin) -> dict[str, str]:
        return {"role": caller.role}

    @app.get("/wrong")
    def wrong() -> ThingView:
        return {"id": 7}  # type: ignore[return-value]

    return app


def request(method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "httpMethod": method,
        "path": path,
        "resource": path,
        "headers": {"Content-Type": "application/json", **more.pop("headers", {})},
        "multiValueHeaders": None,
        "queryStringParameters": more.pop("query", None),
        "multiValueQueryStringParameters": None,
        "body": body if isinstance(body, str | None) else json.dumps(body),
        "isBase64Encoded": False,
        "requestContext": {"requestId": "gateway-request", **more.pop("context", {})},
        **more,
    }


def signed_in(role: str = "user") -> dict[str, Any]:
    return {"authorizer": {"user_id": USER, "role": role, "session_id": SESSION}}


Send = Callable[..., tuple[int, dict[str, Any], dict[str, str]]]


@pytest.fixture
def send() -> Send:
    handler = serve(make_app(), Services)

    def send(*args: Any, **kwargs: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
        answer = handler(request(*args, **kwargs), Context())  # type: ignore[arg-type]
        headers = {name: values[0] for name, values in answer["multiValueHeaders"].items()}
        return answer["statusCode"], json.loads(answer["body"] or "null"), headers

    return send


def raising(error: Exception) -> Send:
    app = make_resolver()

    @app.get("/raise")
    def fail() -> None:
        raise error

    handler = serve(app, Services)

    def send() -> tuple[int, dict[str, Any], dict[str, str]]:
        answer = handler(request("GET", "/raise"), Context())  # type: ignore[arg-type]
        headers = {name: values[0] for name, values in answer["multiValueHeaders"].items()}
        return answer["statusCode"], json.loads(answer["body"]), headers

    return send


def test_a_decimal_comes_back_as_a_string_with_every_digit(send: Send) -> None:
    status, body, _ = send("POST", "/thing", {"price": "4123.450000000001"})
    assert (status, body["price"]) == (201, "4123.450000000001")


@pytest.mark.parametrize(
    "headers", [{}, {"X-Correlation-Id": "no spaces!"}, {"X-Correlation-Id": "x"}]
)
def test_the_correlation_id_is_the_gateways_unless_a_valid_one_comes(
    send: Send, headers: dict[str, str]
) -> None:
    assert send("GET", "/thing", headers=headers)[2]["X-Correlation-Id"] == "gateway-request"


def test_a_valid_correlation_id_comes_back_in_header_and_problem(send: Send) -> None:
    _, body, headers = send("GET", "/nowhere", headers={"x-correlation-id": "mine-12345"})
    assert body["correlation_id"] == headers["X-Correlation-Id"] == "mine-12345"


@pytest.mark.parametrize("path", ["/thing", "/nowhere"])
def test_every_answer_carries_the_security_headers(send: Send, path: str) -> None:
    """S14."""
    _, _, headers = send("GET", path)
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "max-age" in headers["Strict-Transport-Security"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("origin", [APP, OTHER_APP])
@pytest.mark.parametrize(
    ("path", "body", "status"),
    [("/thing", None, 422), ("/thing", "x" * (MAX_BODY_BYTES + 1), 413), ("/nowhere", None, 404)],
)
def test_a_page_of_an_allowed_origin_may_read_every_answer(
    send: Send, origin: str, path: str, body: str | None, status: int
) -> None:
    """S14."""
    got, _, headers = send("POST", path, body, headers={"origin": origin})
    assert got == status
    assert headers["Access-Control-Allow-Origin"] == origin
    assert headers["Vary"] == "Origin"
    exposed = headers["Access-Control-Expose-Headers"].split(", ")
    assert {"X-Correlation-Id", "Retry-After", "RateLimit-Remaining"} <= set(exposed)
    assert "Access-Control-Allow-Credentials" not in headers


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "*", "", f"{APP}.evil.example", f"{APP}/", APP.upper(), None],
)
def test_a_foreign_origin_is_allowed_nothing(send: Send, method: str, origin: str | None) -> None:
    """S14."""
    given = {} if origin is None else {"Origin": origin}
    _, _, headers = send(method, "/thing", headers=given)
    assert [name for name in headers if name.startswith("Access-Control")] == []
    assert headers["Vary"] == "Origin"


def test_a_preflight_says_what_may_be_sent(send: Send) -> None:
    """S14."""
    status, _, headers = send("OPTIONS", "/thing/7", headers={"Origin": APP})
    assert status == 204
    assert headers["Access-Control-Allow-Origin"] == APP
    assert headers["Access-Control-Allow-Methods"] == "GET, POST, PUT, PATCH, DELETE"
    assert headers["Access-Control-Allow-Headers"] == (
        "Authorization, Content-Type, Idempotency-Key, X-Correlation-Id"
    )
    assert int(headers["Access-Control-Max-Age"]) > 0
    assert "Strict-Transport-Security" in headers


@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        ("GET", f"/thing/{SESSION}", "/thing/{thing_id}", 200),
        ("GET", "/thing/7", "/thing/{thing_id}", 422),
        ("GET", "/made/up/by/a/client", None, 404),
        ("OPTIONS", "/thing", "/{proxy+}", 204),
    ],
)
def test_a_request_is_one_line(
    send: Send,
    caplog: pytest.LogCaptureFixture,
    method: str,
    path: str,
    route: str | None,
    status: int,
) -> None:
    """S15: ids and numbers, nothing that the client has sent."""
    headers = {"X-Correlation-Id": "callers-own"}
    send(method, path, context=signed_in(), resource="/{proxy+}", headers=headers)
    [record] = [record for record in caplog.records if record.msg == "request"]
    line = json.loads(logger.registered_formatter.format(record))
    assert (line["method"], line.get("route"), line["status"]) == (method, route, status)
    assert (line["user_id"], line["correlation_id"]) == (USER, "callers-own")
    assert line["request_id"] == "gateway-request", "it leads to API Gateway's own line"
    assert line["duration_ms"] >= 0
    assert (line["bytes"] > 0) == (status != 204)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("{", 400, "malformed_json"),
        ('{"price": NaN}', 400, "malformed_json"),
        ("[" * 50_000, 400, "malformed_json"),
        ("9" * 5000, 400, "malformed_json"),
        ('[{"price": "1"}]', 422, "invalid_field"),
        ('{"name": "half a character: \\uD83d"}', 400, "malformed_json"),
        ('{"\\udead": 1}', 400, "malformed_json"),
        (None, 422, "validation_failed"),
        ("", 422, "validation_failed"),
        ("[]", 422, "invalid_field"),
        ('"text"', 422, "validation_failed"),
        ("7", 422, "validation_failed"),
        ("null", 422, "validation_failed"),
        ({}, 422, "validation_failed"),
        ({"price": "NaN"}, 422, "validation_failed"),
        ({"price": "-1"}, 422, "validation_failed"),
        ({"price": {"a": 1}}, 422, "validation_failed"),
        ({"price": "1", "extra": 1}, 422, "validation_failed"),
        ("x" * (MAX_BODY_BYTES + 1), 413, "too_large"),
    ],
)
def test_bad_bodies_get_a_problem(send: Send, body: Any, status: int, code: str) -> None:
    """S9, S11."""
    got, problem, headers = send("POST", "/thing", body)
    assert (got, problem["code"], problem["status"]) == (status, code, status)
    assert headers["Content-Type"] == "application/problem+json"
    assert {"type", "title", "detail", "correlation_id"} <= problem.keys()


def test_a_body_that_is_no_text_is_malformed(send: Send) -> None:
    body = base64.b64encode(b"\xff\xfe").decode()
    assert send("POST", "/thing", body, isBase64Encoded=True)[0] == 400


def test_the_wrong_field_is_named(send: Send) -> None:
    _, problem, _ = send("POST", "/thing", {"price": "1", "extra": 1})
    assert [error["field"] for error in problem["errors"]] == ["extra"]


def test_another_content_type_is_refused(send: Send) -> None:
    assert send("POST", "/thing", "<a/>", headers={"Content-Type": "text/xml"})[0] == 415


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"cursor": "!"}, {"cursor": "QQ"}]
)
def test_a_bad_page_is_refused(send: Send, query: dict[str, str]) -> None:
    """S11."""
    status, problem, _ = send("GET", "/thing", query=query)
    assert (status, problem["errors"][0]["field"]) == (422, next(iter(query)))


def test_a_route_answers_under_the_base_path_too(send: Send) -> None:
    assert send("GET", "/v1/thing")[0] == 200
    assert send("GET", "/v2/thing")[0] == 404


def test_a_path_that_is_no_id_is_refused(send: Send) -> None:
    assert send("GET", "/thing/7", context=signed_in())[0] == 422


def test_the_caller_is_who_the_authorizer_says(send: Send) -> None:
    status, body, _ = send("GET", f"/thing/{SESSION}", context=signed_in())
    assert (status, body["user"]) == (200, USER)


def test_without_an_authorizer_nobody_is_let_in(send: Send) -> None:
    assert send("GET", f"/thing/{SESSION}")[0] == 401


@pytest.mark.parametrize(("role", "status"), [("user", 403), ("admin", 200)])
def test_only_an_admin_passes_an_admins_route(send: Send, role: str, status: int) -> None:
    """S8."""
    assert send("GET", "/admin", context=signed_in(role))[0] == status


def test_an_idempotency_key_that_is_too_short_is_refused(send: Send) -> None:
    status, problem, _ = send("POST", "/thing", {"price": "1"}, headers={"Idempotency-Key": "x"})
    assert (status, problem["errors"][0]["field"]) == (422, "idempotency-key")


def test_the_idempotency_key_reaches_the_route(send: Send) -> None:
    key = "key-0001"
    assert send("POST", "/thing", {"price": "1"}, headers={"idempotency-key": key})[1]["id"] == key


def test_an_answer_that_breaks_its_model_is_our_fault_and_says_nothing(send: Send) -> None:
    """S14."""
    status, problem, _ = send("GET", "/wrong")
    assert (status, problem["code"]) == (500, "internal_error")
    assert "price" not in json.dumps(problem)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.NotFoundError("gone"), 404),
        (errors.ConflictError("no"), 409),
        (errors.ForbiddenError("no"), 403),
        (errors.UnauthorizedError("no"), 401),
        (errors.InvalidFieldError("until", "no"), 422),
        (errors.RateLimitedError("slow", retry_after=7), 429),
        (errors.UnavailableError("down", retry_after=7), 503),
        (ZeroDivisionError("secret inside"), 500),
    ],
)
def test_each_error_has_its_status(error: Exception, status: int) -> None:
    got, problem, headers = raising(error)()
    assert (got, problem["status"]) == (status, status)
    assert "secret inside" not in json.dumps(problem)
    assert headers.get("Retry-After") == ("7" if status in {429, 503} else None)


def test_a_subclass_has_the_status_of_its_parent() -> None:
    class StrangeConflictError(errors.ConflictError):
        code = "strange"

    status, problem, _ = raising(StrangeConflictError("no"))()
    assert (status, problem["code"]) == (409, "strange")
