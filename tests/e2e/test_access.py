"""Who gets past the front door, on every route of the template (S4, S8)."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from goldalert_local.client import StackClient, User
from goldalert_local.deploy import load_template

ROOT = Path(__file__).resolve().parents[2]
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
ANY_ID = "0198f2a0-0000-7000-8000-000000000001"


def routes() -> list[tuple[str, str, bool]]:
    """Return method, path and whether it is public, of every route in the template."""
    found = []
    for resource in load_template(ROOT / "infra" / "template.yaml")["Resources"].values():
        for event in resource["Properties"].get("Events", {}).values():
            if event["Type"] != "Api":
                continue
            properties = event["Properties"]
            path = properties["Path"].replace("{proxy+}", ANY_ID).replace("{tick_id}", ANY_ID)
            is_public = properties.get("Auth", {}).get("Authorizer") == "NONE"
            methods = METHODS if properties["Method"] == "ANY" else [properties["Method"]]
            found += [(method, path, is_public) for method in methods]
    return found


CLOSED = [(method, path) for method, path, is_public in routes() if not is_public]
OPEN = [(method, path) for method, path, is_public in routes() if is_public]


def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def segment(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


@pytest.fixture(scope="session")
def bad_tokens(stack: StackClient) -> dict[str, str]:
    """Tokens that look right and are not, all with the claims of a real session."""
    user = stack.new_user(verified=False)
    good = user.http.headers["Authorization"].removeprefix("Bearer ")
    header = jwt.get_unverified_header(good)
    claims = jwt.decode(good, options={"verify_signature": False})
    stolen = private_key()
    public_jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(stolen.public_key()))
    jwks = stack.http.get("/auth/.well-known/jwks.json").body["keys"]
    ours = jwt.PyJWK(jwks[0]).key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    hmac_input = f"{segment({**header, 'alg': 'HS256'})}.{segment(claims)}"
    hmac_signature = base64.urlsafe_b64encode(
        jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
            hmac_input.encode(), ours
        )
    )
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    signing = json.loads((Path(stack.description["state_dir"]) / "secrets.json").read_text())

    def forge(headers: dict[str, Any], **changes: Any) -> str:
        return jwt.encode({**claims, **changes}, stolen, "RS256", headers={**header, **headers})

    def expired() -> str:
        return jwt.encode(
            {**claims, "iat": long_ago, "exp": long_ago + timedelta(minutes=15)},
            signing["auth_signing_keys"]["keys"][-1]["private_pem"],
            "RS256",
            headers=header,
        )

    return {
        "garbage": "abc",
        "three parts of garbage": "a.b.c",
        "expired": expired(),
        "forged with another key": forge({}),
        "forged with a key of its own kid": forge({"kid": "mine"}),
        "forged with a key that it brings along": forge({"jwk": public_jwk}),
        "forged with a key that it points at": forge({"jku": "http://127.0.0.1:9/jwks.json"}),
        "unsigned": f"{segment({**header, 'alg': 'none'})}.{segment(claims)}.",
        "signed with our public key as a shared secret": (
            f"{hmac_input}.{hmac_signature.decode().rstrip('=')}"
        ),
        "tampered": ".".join(
            [good.split(".")[0], segment({**claims, "role": "admin"}), good.split(".")[2]]
        ),
    }


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_without_a_token_every_closed_route_is_refused(
    stack: StackClient, method: str, path: str
) -> None:
    answer = stack.http.call(method, path)
    assert (answer.status, answer.body["code"]) == (401, "unauthorized")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_bad_token_is_refused_on_every_closed_route(
    stack: StackClient, bad_tokens: dict[str, str]
) -> None:
    """S4."""
    tokens = list(bad_tokens.items())
    refused = {}
    for number, (method, path) in enumerate(CLOSED):
        # every token and every route comes up; each with each would take minutes
        for name, token in (tokens[number % len(tokens)], tokens[2], tokens[3]):
            answer = stack.http.with_token(token).call(method, path)
            refused[method, path, name] = answer.status
    assert set(refused.values()) == {401}, {k: v for k, v in refused.items() if v != 401}


def test_every_bad_token_is_refused(stack: StackClient, bad_tokens: dict[str, str]) -> None:
    """S4."""
    answers = {
        name: stack.http.with_token(token).get("/auth/me").status
        for name, token in bad_tokens.items()
    }
    assert set(answers.values()) == {401}, answers


def test_a_genuine_token_passes(user: User) -> None:
    assert user.http.get("/auth/me").body["email"] == user.email


@pytest.mark.parametrize(("method", "path"), OPEN)
def test_a_public_route_asks_for_no_token(stack: StackClient, method: str, path: str) -> None:
    assert stack.http.call(method, path).status not in {401, 403}


def test_the_same_api_answers_under_v1(stack: StackClient, user: User) -> None:
    assert stack.http.get("/v1/auth/health").status == 200
    assert stack.http.get("/v1/auth/me").status == 401
    assert user.http.get("/v1/auth/me").status == 200


def test_after_a_logout_the_token_is_refused_at_once(stack: StackClient) -> None:
    """S6."""
    user = stack.new_user(verified=False)
    assert user.http.get("/auth/me").status == 200
    assert user.http.post("/auth/logout").status == 204
    assert user.http.get("/auth/me").status == 401


@pytest.mark.parametrize("path", ["/admin/audit-logs", "/logging/logs"])
def test_an_admins_route_is_closed_to_users(user: User, admin: User, path: str) -> None:
    """S8."""
    assert user.http.get(path).status == 403
    assert admin.http.get(path).status == 200


def test_aws_itself_is_out_of_reach_at_the_front_door(stack: StackClient) -> None:
    answer = stack.http.get("/_aws/ses")
    assert answer.status == 404
    assert stack.http.get("/_localstack/health").status == 404
