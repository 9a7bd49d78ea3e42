"""The routes of the auth service that need no database."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from auth_service.handlers import api


def ask(method: str, path: str, body: dict[str, str] | None = None) -> dict[str, Any]:
    event = {
        "httpMethod": method,
        "path": path,
        "resource": path,
        "headers": {"Content-Type": "application/json"},
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
        "requestContext": {"requestId": "gateway-request"},
    }
    context = SimpleNamespace(aws_request_id="request")
    return api.lambda_handler(event, context)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["A\0da", "Ada\r\nBcc: eve@example.com"])
def test_a_name_with_control_characters_is_a_wrong_field(name: str) -> None:
    body = {"email": "ada@example.com", "password": "correct horse battery", "name": name}
    answer = ask("POST", "/auth/register", body)
    assert answer["statusCode"] == 422
    assert [error["field"] for error in json.loads(answer["body"])["errors"]] == ["name"]


def test_the_verification_page_does_not_send_anybody_to_register_again() -> None:
    """Registering a known address changes nothing, so it would bring no new link."""
    answer = ask("GET", "/auth/verify-email")
    assert answer["statusCode"] == 200
    assert "register again" not in answer["body"].lower()
