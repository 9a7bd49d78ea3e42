import pytest

from tests.unit.localstack.plugin.support import LocalStack, Shop

BROKEN = ["crash", "exit", "hang", "shape", "nested", "condition"]


def test_an_allowed_request_reaches_the_function_with_the_authorizers_context(shop: Shop) -> None:
    answer = shop.get("/one", "allow")
    assert answer.status_code == 200
    authorizer = answer.json()["requestContext"]["authorizer"]
    assert authorizer.pop("asked")
    assert authorizer == {
        "principalId": "me",
        "role": "admin",
        "level": "3",
        "active": "true",
        "type": "TOKEN",
    }


@pytest.mark.parametrize("path", ["/one", "/request?shop=1", "/cached/one"])
def test_a_missing_identity_source_is_401(shop: Shop, path: str) -> None:
    assert shop.get(path).status_code == 401


def test_every_identity_source_of_a_request_authorizer_is_needed(shop: Shop) -> None:
    assert shop.get("/request?shop=1", "allow").status_code == 200
    assert shop.get("/request", "allow").status_code == 401


@pytest.mark.parametrize("path", ["/one", "/request?shop=1"])
def test_the_error_unauthorized_is_401(shop: Shop, path: str) -> None:
    assert shop.get(path, "unauthorized").status_code == 401


def test_an_explicit_deny_is_403(shop: Shop) -> None:
    answer = shop.get("/one", "deny")
    assert answer.status_code == 403
    assert answer.json()["detail"].endswith("with an explicit deny")


def test_a_policy_for_something_else_is_403(shop: Shop) -> None:
    answer = shop.get("/one", "elsewhere")
    assert answer.status_code == 403
    assert answer.json()["detail"] == "User is not authorized to access this resource"


def test_wildcards_of_a_policy_match_as_iams(shop: Shop) -> None:
    assert shop.get("/1.nugget", "wildcard").status_code == 200
    assert shop.get("/nugget", "wildcard").status_code == 403


@pytest.mark.parametrize("words", BROKEN)
def test_a_broken_authorizer_is_503_and_lets_nobody_in(shop: Shop, words: str) -> None:
    answer = shop.get("/one", words)
    assert answer.status_code == 503
    assert answer.json()["type"] == "AUTHORIZER_CONFIGURATION_ERROR"


def test_an_authorizer_that_cannot_be_called_is_503(shop: Shop, localstack: LocalStack) -> None:
    client = localstack.client("lambda")
    names = [function["FunctionName"] for function in client.list_functions()["Functions"]]
    for name in names:
        if name.startswith("shop-MissingFunction"):
            client.delete_function(FunctionName=name)
    answer = shop.get("/missing", "allow")
    assert answer.status_code == 503
    assert answer.json()["type"] == "AUTHORIZER_FAILURE"


def asked(shop: Shop, path: str, words: str) -> str:
    """The request id of the authorizer's invocation behind an allowed request."""
    return str(shop.get(path, words).json()["requestContext"]["authorizer"]["asked"])


def test_without_a_ttl_every_request_asks(shop: Shop) -> None:
    assert asked(shop, "/one", "allow") != asked(shop, "/one", "allow")


def test_with_a_ttl_the_decision_is_kept_for_that_identity(shop: Shop) -> None:
    first = asked(shop, "/cached/one", "wildcard-for-all")
    assert asked(shop, "/cached/one", "wildcard-for-all") == first
    assert asked(shop, "/cached/one", "another") != first


def test_a_kept_decision_holds_for_the_methods_it_names_only(shop: Shop) -> None:
    assert shop.get("/cached/one", "allow").status_code == 200
    assert shop.get("/cached/two", "allow").status_code == 403


def test_a_route_without_authorizer_is_open(shop: Shop) -> None:
    assert shop.get("/open").status_code == 200
