"""What API Gateway answers itself is like what the functions answer; and the stack's size."""

import json
import re
from typing import Any

import pytest

from goldalert.http.api import SECURITY_HEADERS
from goldalert.http.problems import Problem
from goldalert.settings import HttpSettings
from tests.support.services import SERVICES
from tests.support.template import load, render

# what SAM adds to the resource of a kind, or to a function for an event of a kind
SAM_ADDS = {
    "AWS::Serverless::Api": ["deployment", "stage", "authorizer's permission"],
    "Api": ["permission"],
    "Schedule": ["rule", "permission"],
    "SQS": ["event source mapping"],
}
MOST_RESOURCES = 500  # of one stack, AWS's limit
ROOM = 90  # for what is still to come: WebSockets, webhooks, digests


def gateway_responses() -> dict[str, dict[str, Any]]:
    api = render("prod", AllowedOrigins="https://a.example,https://b.example").resources["Api"]
    return dict(api["Properties"]["GatewayResponses"])


@pytest.mark.parametrize("name", gateway_responses())
def test_what_the_gateway_answers_carries_every_security_header(name: str) -> None:
    """S14."""
    headers = gateway_responses()[name]["ResponseParameters"]["Headers"]
    constant = {
        header: value[1:-1].rstrip(";")
        for header, value in headers.items()
        if isinstance(value, str) and value.startswith("'")
    }
    assert SECURITY_HEADERS.items() <= constant.items()
    assert constant["Vary"] == "Origin"
    assert headers["X-Correlation-Id"] == "context.requestId"


@pytest.mark.parametrize("name", gateway_responses())
def test_what_the_gateway_answers_is_a_problem(name: str) -> None:
    response = gateway_responses()[name]
    assert response["ResponseParameters"]["Headers"]["Content-Type"] == (
        "'application/problem+json'"
    )
    [template] = response["ResponseTemplates"].values()
    problem = Problem.model_validate_json(template)
    assert problem.status == response["StatusCode"]
    retry_after = response["ResponseParameters"]["Headers"].get("Retry-After")
    assert (retry_after is not None) == (problem.status in {429, 503})


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("ACCESS_DENIED", 403),
        ("EXPIRED_TOKEN", 403),
        ("INVALID_API_KEY", 403),
        ("INVALID_SIGNATURE", 403),
        ("WAF_FILTERED", 403),
        ("REQUEST_TOO_LARGE", 413),
        ("UNSUPPORTED_MEDIA_TYPE", 415),
        ("QUOTA_EXCEEDED", 429),
        ("THROTTLED", 429),
        # 404 on AWS as well, and 403 for a missing token: no such route is what both mean here
        ("RESOURCE_NOT_FOUND", 404),
        ("MISSING_AUTHENTICATION_TOKEN", 404),
    ],
)
def test_no_answer_of_the_gateway_falls_to_the_default_and_its_status(
    name: str, status: int
) -> None:
    """The default's status is 400, for the body has to say one."""
    assert gateway_responses()[name]["StatusCode"] == status


def test_a_changed_setting_reaches_what_the_gateway_answers() -> None:
    """S14. SAM makes a deployment when the routes change; else the stage keeps the old answers."""
    assert render("prod").resources["Api"]["Properties"]["AlwaysDeploy"] is True


@pytest.mark.parametrize("name", gateway_responses())
def test_what_the_gateway_answers_may_be_read_by_the_main_origin(name: str) -> None:
    """S14: by that one alone, for API Gateway cannot choose by the request."""
    headers = gateway_responses()[name]["ResponseParameters"]["Headers"]
    assert headers["Access-Control-Allow-Origin"] == {
        "Fn::Join": [
            "",
            [
                "'",
                {"Fn::Select": [0, {"Fn::Split": [",", "https://a.example,https://b.example"]}]},
                "'",
            ],
        ]
    }
    assert "Access-Control-Allow-Credentials" not in headers


@pytest.mark.parametrize(
    ("origins", "allowed"),
    [
        ("https://app.example", True),
        ("https://app.example,https://admin.example:8443", True),
        ("http://localhost:3000,https://app.example", True),
        ("*", False),
        ("https://*.example", False),
        ("http://app.example", False),
        ("http://localhost.evil.example", False),
        ("https://app.example/", False),
        ("https://app.example,", False),
        ("", False),
    ],
)
def test_only_exact_origins_can_be_deployed(origins: str, allowed: bool) -> None:
    """S14."""
    pattern = load()["Parameters"]["AllowedOrigins"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, origins)) == allowed


def test_the_defaults_of_template_and_code_agree() -> None:
    variables = render("prod").functions["AlertApiFunction"]["Environment"]["Variables"]
    told = HttpSettings.model_validate({name.lower(): value for name, value in variables.items()})
    defaults = HttpSettings()
    assert told.user_requests_per_minute == defaults.user_requests_per_minute
    assert told.network_requests_per_minute == defaults.network_requests_per_minute
    assert told.allowed_origins == {"https://goldalert.example"}


def test_the_access_log_is_json_and_names_nobody() -> None:
    """S15: an id, and neither an address of a person nor a token."""
    setting = render("prod").resources["Api"]["Properties"]["AccessLogSetting"]
    line = json.loads(setting["Format"])
    assert {"requestId", "route", "status", "latencyMs", "authorizerError"} <= line.keys()
    personal = ("sourceIp", "userAgent", "identity", "Authorization", "path")
    assert not any(f".{word}" in f"{value}." for word in personal for value in line.values())


def test_the_stack_leaves_room_below_cloudformations_limit() -> None:
    """Each event of a function is a resource or two: see ADR 0013 before you add many."""
    resources = render("prod", DomainName="api.goldalert.example").resources
    added = [
        extra
        for resource in resources.values()
        for kind in [
            resource["Type"],
            *(event["Type"] for event in resource["Properties"].get("Events", {}).values()),
        ]
        for extra in SAM_ADDS.get(kind, [])
    ]
    assert len(resources) + len(added) <= MOST_RESOURCES - ROOM


def test_health_which_keeps_many_functions_busy_is_throttled_by_itself() -> None:
    """S3: it is public, and counted by no service."""
    settings = render("prod").resources["Api"]["Properties"]["MethodSettings"]
    throttled = {
        setting["ResourcePath"].replace("/~1", "/").replace("~1", "/")
        for setting in settings
        if setting["HttpMethod"] == "GET" and setting["ThrottlingRateLimit"] <= 5
    }
    services = {f"/{name.removesuffix('_service')}" for name in SERVICES if "_service" in name}
    assert throttled == {"/health"} | {f"{service}/health" for service in services}


def test_topics_are_encrypted_at_rest() -> None:
    """S15: an event of a registration carries an address."""
    topics = render("prod").of_type("AWS::SNS::Topic")
    events = [topic for name, topic in topics.items() if name != "SesFeedbackTopic"]
    assert {topic.get("KmsMasterKeyId") for topic in events} == {"alias/aws/sns"}
