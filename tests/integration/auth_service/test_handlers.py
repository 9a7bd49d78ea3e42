"""The functions as Lambda calls them: the API works with what the authorizer answers."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pyotp
import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr, ValidationError
from sqlalchemy import text

from auth_service.bootstrap import Services
from auth_service.config import AuthSettings
from auth_service.gateways import (
    PasswordHasher,
    Pepper,
    SigningKey,
    SigningKeys,
    Throttle,
    TimeCodes,
    TokenSigner,
    TokenVerifier,
    VerificationKey,
    VerificationKeys,
)
from auth_service.handlers import api, authorizer, grant_admin, internal, scheduled_relay_outbox
from goldalert.cache.client import RedisDatabase
from goldalert.secrets import DatabaseSecret, ServiceSecret
from goldalert.security.sealed import EventKey, Sealer
from tests.support.accounts import PASSWORD
from tests.support.invocations import Context

ORIGIN = "https://api.example"
ADA, ROOT = "ada@example.com", "root@example.com"


class NoRelay:
    """What is published stays in the outbox."""

    def run(self, **_: object) -> int:
        return 0


@pytest.fixture(scope="module")
def keys() -> tuple[SigningKeys, VerificationKeys]:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private_pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
    public_pem = (
        private.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
    return (
        SigningKeys(active_kid="k", keys=[SigningKey(kid="k", private_pem=SecretStr(private_pem))]),
        VerificationKeys(keys=[VerificationKey(kid="k", public_pem=public_pem)]),
    )


@pytest.fixture(autouse=True)
def services(
    database: Callable[[str], DatabaseSecret],
    redis_url: Callable[[int], str],
    keys: tuple[SigningKeys, VerificationKeys],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Services]:
    made = Services(
        AuthSettings.model_validate(
            {
                "stage": "local",
                "powertools_service_name": "auth_service",
                "service_secret": "unused",
                "topic_arn_prefix": "unused",
                "api_origin": ORIGIN,
                "allowed_origins": ORIGIN,
            }
        )
    )
    pepper = Pepper(pepper=SecretStr("cGVwcGVy"))
    sealer = Sealer(EventKey(keys=[SecretStr(Fernet.generate_key().decode())]))
    made.secret = ServiceSecret(
        database=database("auth_service"), redis_url=SecretStr(redis_url(0))
    )
    made.relay = NoRelay()  # type: ignore[assignment]
    made.passwords = PasswordHasher(pepper, 4)
    made.throttle = Throttle(made.rate_limiter, pepper)
    made.signer = TokenSigner(lambda: keys[0], ORIGIN)
    made.verifier = TokenVerifier(lambda: keys[1], ORIGIN)
    made.codes, made.seal = TimeCodes(sealer), sealer
    for handler in (api, authorizer, grant_admin, internal, scheduled_relay_outbox):
        monkeypatch.setattr(handler, "services", lambda: made)
    yield made
    made.redis.client.close()
    made.engine.dispose()


@dataclass
class Browser:
    """Sends requests as API Gateway does: with a token only past the authorizer."""

    token: str | None = None

    def send(self, method: str, path: str, body: object = None, **query: str) -> Any:
        context: dict[str, Any] = {
            "requestId": "request-of-a-test",
            "identity": {"sourceIp": "203.0.113.7"},
        }
        if self.token is not None:
            try:
                allowed = authorizer.lambda_handler(
                    {
                        "type": "TOKEN",
                        "methodArn": "arn",
                        "authorizationToken": f"Bearer {self.token}",
                    },
                    Context(),
                )
            except Exception as error:
                return SimpleNamespace(status=401, body={"detail": str(error)})
            # a string of each, as API Gateway makes of them
            context["authorizer"] = {name: str(value) for name, value in allowed["context"].items()}
        answer = api.lambda_handler(
            {
                "httpMethod": method,
                "path": path,
                "resource": path,
                "headers": {"Content-Type": "application/json", "User-Agent": "Firefox/145"},
                "multiValueHeaders": None,
                "queryStringParameters": query or None,
                "multiValueQueryStringParameters": None,
                "body": None if body is None else json.dumps(body),
                "isBase64Encoded": False,
                "requestContext": context,
            },
            Context(),
        )
        content = json.loads(answer["body"]) if answer.get("body") else None
        return SimpleNamespace(status=answer["statusCode"], body=content)

    def login(self, email: str = ADA, **fields: str) -> Any:
        answer = self.send("POST", "/auth/login", {"email": email, "password": PASSWORD, **fields})
        if answer.status == 200:
            self.token = answer.body["access_token"]
        return answer


@pytest.fixture
def ada() -> Browser:
    browser = Browser()
    assert (
        browser.send("POST", "/auth/register", {"email": ADA, "password": PASSWORD}).status == 202
    )
    assert browser.login().status == 200
    return browser


@pytest.fixture
def root() -> Browser:
    granted = grant_admin.lambda_handler({"email": f" {ROOT.upper()} "}, Context())
    browser = Browser()
    reset = {"token": granted["link"].partition("=")[2], "password": PASSWORD}
    assert browser.send("POST", "/auth/password/reset", reset).status == 200
    # the link is good once
    assert browser.send("POST", "/auth/password/reset", reset).status == 409
    assert browser.login(ROOT).status == 200
    return browser


def test_a_caller_learns_what_their_token_says(ada: Browser) -> None:
    seen = ada.send("GET", "/auth/validate").body
    [session] = ada.send("GET", "/auth/sessions").body["items"]
    assert seen["role"] == "user"
    assert seen["session_id"] == session["id"]
    assert seen["expires_at"].endswith("Z")
    assert (session["device"], session["network"], session["current"]) == (
        "Firefox/145",
        "203.0.113.7",
        True,
    )


def test_a_session_is_ended_from_another_device(ada: Browser) -> None:
    """S6."""
    phone = Browser()
    phone.login()
    phone_id = phone.send("GET", "/auth/validate").body["session_id"]
    assert ada.send("DELETE", f"/auth/sessions/{phone_id}").status == 204
    assert ada.send("DELETE", f"/auth/sessions/{phone_id}").status == 404
    assert phone.send("GET", "/auth/me").status == 401
    assert ada.send("POST", "/auth/logout-all").status == 204
    assert ada.send("GET", "/auth/me").status == 401


def test_a_second_factor_from_set_up_to_the_end(ada: Browser, services: Services) -> None:
    made = ada.send("POST", "/auth/2fa/setup").body
    with services.engine.begin() as connection:
        connection.execute(text("UPDATE users SET verified_at = now()"))
    app = pyotp.TOTP(made["secret"])
    steps = iter(range(-1, 2))

    def code() -> str:
        return app.at(services.clock.now(), counter_offset=next(steps))

    enabled = ada.send("POST", "/auth/2fa/enable", {"password": PASSWORD, "code": code()})
    assert enabled.status == 200, enabled
    assert ada.send("POST", "/auth/2fa/setup").status == 409
    refused = Browser().login()
    assert (refused.status, refused.body["code"]) == (401, "totp_required")
    refused = Browser().login(totp="AAAA-AAAA-AAAA-AAAA")
    assert (refused.status, refused.body["code"]) == (401, "wrong_credentials")
    assert Browser().login(totp=code()).status == 200
    without_password = ada.send("POST", "/auth/2fa/recovery-codes", {"code": "000000"})
    assert without_password.status == 422
    proof = {"password": PASSWORD, "code": code()}
    new = ada.send("POST", "/auth/2fa/recovery-codes", proof)
    assert Browser().login(totp=enabled.body["recovery_codes"][0]).status == 401
    [first, second, *_] = new.body["recovery_codes"]
    assert Browser().login(totp=first).status == 200
    wrong = ada.send("POST", "/auth/2fa/disable", {"password": "wrong", "code": second})
    assert (wrong.status, wrong.body["code"]) == (403, "wrong_password")
    wrong = ada.send("POST", "/auth/2fa/disable", {"password": PASSWORD, "code": first})
    assert (wrong.status, wrong.body["code"]) == (403, "wrong_code")
    right = {"password": PASSWORD, "code": second}
    assert ada.send("POST", "/auth/2fa/disable", right).status == 204
    assert Browser().login().status == 200


def test_an_account_is_erased_by_who_knows_its_password(ada: Browser) -> None:
    wrong = ada.send("DELETE", "/auth/account", {"password": "wrong"})
    assert (wrong.status, wrong.body["code"]) == (403, "wrong_password")
    assert ada.send("DELETE", "/auth/account", {"password": PASSWORD}).status == 204
    assert ada.send("GET", "/auth/me").status == 401
    assert Browser().login().status == 401


def test_an_admin_manages_users_and_nobody_else_does(ada: Browser, root: Browser) -> None:
    """S6, S8, S10."""
    [user] = root.send("GET", "/auth/users", q="ada@").body["items"]
    path = f"/auth/users/{user['user_id']}"
    assert ada.send("GET", "/auth/users").status == 403
    assert ada.send("GET", path).status == 403
    assert ada.send("PATCH", path, {"role": "admin"}).status == 403
    assert root.send("GET", path).body == user
    assert root.send("PATCH", path, {"disabled": "yes"}).status == 422
    assert root.send("PATCH", path, {"email": "eve@example.com"}).status == 422
    assert root.send("PATCH", path, {"disabled": True}).body == {**user, "disabled": True}
    assert ada.send("GET", "/auth/me").status == 401
    own = root.send("GET", "/auth/me").body["user_id"]
    assert root.send("PATCH", f"/auth/users/{own}", {"role": "user"}).status == 409


def test_the_export_names_its_account(ada: Browser) -> None:
    """S18."""
    user_id = ada.send("GET", "/auth/me").body["user_id"]
    export = internal.lambda_handler(
        {
            "action": "export_user",
            "correlation_id": "request-of-a-test",
            "arguments": {"user_id": user_id},
        },
        Context(),
    )
    assert isinstance(export, dict)
    assert export["account"]["email"] == ADA  # type: ignore[index, call-overload]
    json.dumps(export)


def test_no_admin_is_made_of_what_is_no_address() -> None:
    for event in ({"email": "nobody"}, {}, {"email": ROOT, "password": PASSWORD}):
        with pytest.raises(ValidationError):
            grant_admin.lambda_handler(event, Context())


def test_the_schedule_says_what_it_did(ada: Browser) -> None:
    assert scheduled_relay_outbox.lambda_handler({"id": "a-schedule"}, Context()) == {
        "published": 0,
        "removed": 0,
    }


@pytest.mark.parametrize(("redis", "status"), [(None, "ok"), ("redis://127.0.0.1:1/0", "degraded")])
def test_redis_is_an_optional_part(services: Services, redis: str | None, status: str) -> None:
    """R12."""
    if redis is not None:
        services.redis = RedisDatabase(redis)
    answer = Browser().send("GET", "/auth/health")
    assert (answer.status, answer.body["status"]) == (200, status)
