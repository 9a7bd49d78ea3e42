import json

import requests

from tests.unit.localstack.plugin.support import STAGE, LocalStack, Shop

OPEN = {"get": {"x-amazon-apigateway-integration": {"type": "MOCK"}, "responses": {}}}


def test_body_headers_and_status_come_from_the_template(shop: Shop) -> None:
    answer = shop.get("/one", "deny", headers={"Origin": "https://shop.example"})
    assert answer.status_code == 403
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    request_id = answer.headers["x-amzn-RequestId"]
    assert answer.headers["X-Request"] == request_id
    assert answer.json() == {
        "detail": "User is not authorized to access this resource with an explicit deny",
        "type": "ACCESS_DENIED",
        "path": f"/{STAGE}/one",
        "request": request_id,
        "none": "",
    }


def test_a_header_whose_variable_is_unset_is_left_out(shop: Shop) -> None:
    assert "Access-Control-Allow-Origin" not in shop.get("/one", "deny").headers


def test_a_response_of_its_own_does_not_inherit_from_the_default(shop: Shop) -> None:
    answer = shop.get("/one")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {"message": "Unauthorized"}


def test_an_unknown_route_is_missing_authentication_token(shop: Shop) -> None:
    answer = requests.post(f"{shop.url}/nowhere", timeout=30)
    assert answer.status_code == 404
    assert answer.json()["type"] == "MISSING_AUTHENTICATION_TOKEN"


def test_a_body_over_ten_megabytes_is_too_large(shop: Shop) -> None:
    answer = requests.post(f"{shop.url}/open", data=b"x" * (10 * 2**20 + 1), timeout=30)
    assert answer.status_code == 413
    assert answer.json()["type"] == "REQUEST_TOO_LARGE"


def test_a_crashed_function_is_a_5xx_of_the_default_template(shop: Shop) -> None:
    answer = shop.get("/crash")
    assert answer.status_code == 502
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"] == "Internal server error"


def test_a_message_that_is_unset_renders_as_null(shop: Shop) -> None:
    assert shop.get("/one", "crash").json()["detail"] is None


def test_a_changed_response_holds_from_the_next_deployment_on(localstack: LocalStack) -> None:
    client = localstack.client("apigateway")
    spec = {"openapi": "3.0.1", "info": {"title": "kiosk", "version": "1"}, "paths": {"/a": OPEN}}
    api = client.import_rest_api(body=json.dumps(spec).encode())["id"]
    client.create_deployment(restApiId=api, stageName=STAGE)
    nowhere = f"{localstack.url}/_aws/execute-api/{api}/{STAGE}/nowhere"
    assert requests.get(nowhere, timeout=30).status_code == 403
    client.put_gateway_response(
        restApiId=api,
        responseType="MISSING_AUTHENTICATION_TOKEN",
        statusCode="404",
        responseTemplates={"text/plain": "$context.error.message ($context.httpMethod)"},
    )
    assert requests.get(nowhere, timeout=30).status_code == 403
    client.create_deployment(restApiId=api, stageName=STAGE)
    answer = requests.get(nowhere, timeout=30)
    assert (answer.status_code, answer.text) == (404, "Missing Authentication Token (GET)")
    assert answer.headers["Content-Type"].startswith("text/plain")
