"""The routes of the auth service: what they refuse before anything is done."""

import json
from types import SimpleNamespace

import pytest

from auth_service.handlers import api


@pytest.mark.parametrize("name", ["A\0da", "Ada\r\nBcc: eve@example.com"])
def test_a_name_with_control_characters_is_a_wrong_field(name: str) -> None:
    body = {"email": "ada@example.com", "password": "correct horse battery", "name": name}
    answer = api.lambda_handler(
        {
            "httpMethod": "POST",
            "path": "/auth/register",
            "resource": "/auth/register",
            "headers": {"Content-Type": "application/json"},
            "body": json.dumps(body),
            "isBase64Encoded": False,
            "requestContext": {"requestId": "gateway-request"},
        },
        SimpleNamespace(aws_request_id="request"),  # type: ignore[arg-type]
    )
    assert answer["statusCode"] == 422
    assert [error["field"] for error in json.loads(answer["body"])["errors"]] == ["name"]
