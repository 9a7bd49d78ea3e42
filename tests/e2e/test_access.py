"""Who gets past the front door, on every route of the template (S4, S8)."""

from pathlib import Path

import pytest

from goldalert_local.client import StackClient, User
from goldalert_local.deploy import load_template

ROOT = Path(__file__).resolve().parents[2]
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
ANY_ID = "0198f2a0-0000-7000-8000-000000000001"


def routes() -> list[tuple[str, str, bool]]:
    """Return method, path and whether it is public, of every route in the template."""
    events = [
        event["Properties"]
        for resource in load_template(ROOT / "infra" / "template.yaml")["Resources"].values()
        for event in resource["Properties"].get("Events", {}).values()
        if event["Type"] == "Api"
    ]
    own = {(event["Method"], event["Path"]) for event in events}
    found = []
    for event in events:
        path = event["Path"].replace("{proxy+}", ANY_ID).replace("{tick_id}", ANY_ID)
        is_public = event.get("Auth", {}).get("Authorizer") == "NONE"
        # ANY is of those methods that the path has no event for
        methods = [method for method in METHODS if (method, event["Path"]) not in own]
        if event["Method"] != "ANY":
            methods = [event["Method"]]
        found += [(method, path, is_public) for method in methods]
    return found


CLOSED = [(method, path) for method, path, is_public in routes() if not is_public]
OPEN = [(method, path) for method, path, is_public in routes() if is_public]


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_without_a_token_every_closed_route_is_refused(
    stack: StackClient, method: str, path: str
) -> None:
    answer = stack.http.call(method, path)
    assert (answer.status, answer.body["code"]) == (401, "unauthorized")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_forged_token_is_refused_on_every_closed_route(stack: StackClient, user: User) -> None:
    """S4: tests/security/test_tokens.py tries every kind of forgery on one of them."""
    head, claims, _ = user.http.headers["Authorization"].split(".")
    forged = {"Authorization": f"{head}.{claims}.{'x' * 342}"}
    http = stack.elsewhere()
    answers = {(m, p): http.call(m, p, headers=forged).status for m, p in CLOSED}
    assert {route: status for route, status in answers.items() if status != 401} == {}


def test_a_genuine_token_passes(user: User) -> None:
    assert user.http.get("/auth/me").body["email"] == user.email


@pytest.mark.parametrize(("method", "path"), OPEN)
def test_a_public_route_asks_for_no_token(stack: StackClient, method: str, path: str) -> None:
    assert stack.http.call(method, path).status not in {401, 403}


def test_the_same_api_answers_under_v1(stack: StackClient, user: User) -> None:
    assert stack.http.get("/v1/auth/health").status == 200
    assert stack.http.get("/v1/auth/me").status == 401
    assert user.http.get("/v1/auth/me").status == 200


def test_aws_itself_is_out_of_reach_at_the_front_door(stack: StackClient) -> None:
    answer = stack.http.get("/_aws/ses")
    assert answer.status == 404
    assert stack.http.get("/_localstack/health").status == 404
