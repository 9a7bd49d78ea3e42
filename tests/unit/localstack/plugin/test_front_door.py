from pathlib import Path

import pytest
import requests

from tests.unit.localstack.plugin.support import LocalStack, Shop

WITHOUT_AUTHORIZERS = """
from localstack.runtime.main import main
from goldalert_local.plugin import authorizer
authorizer.install = lambda: None
main()
"""


def test_before_the_api_is_deployed_it_answers_a_problem(shop: Shop) -> None:
    answer = shop.answer_before_deployment
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Retry-After"]
    assert answer.json()["status"] == 503


@pytest.mark.parametrize("base_path", ["", "/v1"])
def test_a_path_is_the_apis_with_and_without_the_base_path(shop: Shop, base_path: str) -> None:
    event = shop.get(f"{base_path}/local/a%20b?x=1&x=2&y=%2F", "allow").json()
    assert event["path"] == f"{base_path}/local/a%20b"
    assert event["pathParameters"] == {"proxy": "local/a%20b"}
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"], "y": ["/"]}
    assert event["requestContext"]["stage"] == "local"


def test_only_a_whole_segment_is_the_base_path(shop: Shop) -> None:
    assert shop.get("/v10/x", "allow").json()["path"] == "/v10/x"


@pytest.mark.parametrize(
    "path",
    ["/_localstack/health", "/_aws/ses", "/_aws/execute-api/shop/local/open", "/v1/_aws/ses", "/"],
)
def test_nothing_of_localstack_is_reachable(shop: Shop, path: str) -> None:
    assert shop.get(path).status_code in (401, 404)


def test_no_aws_api_is_reachable(shop: Shop) -> None:
    signed = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, Signature=x"
    answer = requests.post(
        f"{shop.url}/",
        headers={"Authorization": signed, "X-Amz-Target": "AmazonSQS.ListQueues"},
        json={},
        timeout=30,
    )
    assert answer.status_code == 404


def test_the_function_sees_the_clients_address(shop: Shop) -> None:
    session = requests.Session()
    session.mount("http://", FromAddress("127.0.0.9"))
    event = session.get(f"{shop.url}/open", timeout=30).json()
    assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.9"


class FromAddress(requests.adapters.HTTPAdapter):
    """Sends from a loopback address of its own."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: object, **kwargs: object) -> None:
        super().init_poolmanager(*args, **kwargs, source_address=(self._address, 0))


def test_localstack_refuses_to_start_it_without_the_authorizers(tmp_path: Path) -> None:
    server = LocalStack(tmp_path / "state", command=("-c", WITHOUT_AUTHORIZERS))
    server.start()
    assert server.process.wait(60) == 1
    assert "front door: refusing to serve, the authorizers are not active" in server.log.read_text()
    with pytest.raises(requests.ConnectionError):
        requests.get(server.front_door, timeout=5)


def test_a_browser_asks_first_without_a_token(shop: Shop) -> None:
    page = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    preflight = requests.options(f"{shop.url}/pages/one", headers=page, timeout=30)
    assert (preflight.status_code, preflight.json()["httpMethod"]) == (200, "OPTIONS")
    # the answer is the function's alone
    assert [name for name in preflight.headers if name.startswith("Access-Control")] == []
    assert requests.post(f"{shop.url}/pages/one", headers=page, timeout=30).status_code == 401
