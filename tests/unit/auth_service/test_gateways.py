"""Passwords and access tokens."""

import base64
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from auth_service.domain import AccessClaims
from auth_service.gateways import (
    AUDIENCE,
    PasswordHasher,
    Pepper,
    SigningKey,
    SigningKeys,
    TokenSigner,
    TokenVerifier,
    VerificationKey,
    VerificationKeys,
)
from goldalert.errors import UnavailableError
from goldalert.ids import new_id

ISSUER = "https://api.goldalert.example"


def hasher(pepper: bytes = b"p" * 32) -> PasswordHasher:
    encoded = base64.b64encode(pepper).decode()
    return PasswordHasher(Pepper(pepper=SecretStr(encoded)), cost=4)


def test_the_right_password_is_known_again_and_a_wrong_one_is_not() -> None:
    hashed = hasher().hash("correct horse battery")
    assert hasher().verify("correct horse battery", hashed)
    assert not hasher().verify("correct horse batterz", hashed)


def test_passwords_that_differ_after_byte_72_differ() -> None:
    """S1."""
    hashed = hasher().hash("é" * 40 + "a")
    assert not hasher().verify("é" * 40 + "b", hashed)


def test_two_hashes_of_one_password_differ() -> None:
    assert hasher().hash("correct horse battery") != hasher().hash("correct horse battery")


def test_a_stolen_hash_is_useless_without_the_pepper() -> None:
    hashed = hasher().hash("correct horse battery")
    assert not hasher(b"q" * 32).verify("correct horse battery", hashed)


def test_an_unknown_user_costs_a_hash_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """S2."""
    import bcrypt

    calls: list[bytes] = []
    monkeypatch.setattr(bcrypt, "hashpw", lambda password, salt: calls.append(password) or b"")
    assert not hasher().verify("correct horse battery", None)
    assert len(calls) == 1


class Keys:
    """A key pair, as the signer and the verifier get it."""

    def __init__(self, kid: str) -> None:
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.kid = kid
        self.private_pem = self.private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()
        self.public_pem = (
            self.private.public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            .decode()
        )

    def signing(self) -> SigningKey:
        return SigningKey(kid=self.kid, private_pem=SecretStr(self.private_pem))

    def verification(self) -> VerificationKey:
        return VerificationKey(kid=self.kid, public_pem=self.public_pem)


OLD, NEW = Keys("old"), Keys("new")
CLAIMS = AccessClaims(new_id(), new_id(), "user", 3)


def sign(active: Keys = NEW, now: datetime | None = None) -> str:
    keys = SigningKeys(active_kid=active.kid, keys=[OLD.signing(), NEW.signing()])
    return TokenSigner(keys, ISSUER).sign(CLAIMS, now or datetime.now(UTC))


def verification_keys(*keys: Keys) -> VerificationKeys:
    return VerificationKeys(keys=[key.verification() for key in keys])


def verifier(*keys: Keys) -> TokenVerifier:
    return TokenVerifier(verification_keys(*keys), ISSUER, lambda: verification_keys(*keys))


def forge(headers: dict[str, Any] | None = None, **claims: Any) -> str:
    """Sign with our own key what the signer would not say."""
    good = jwt.decode(sign(), options={"verify_signature": False})
    return jwt.encode(
        {name: value for name, value in (good | claims).items() if value is not None},
        NEW.private_pem,
        "RS256",
        headers={"kid": NEW.kid, "typ": "at+jwt", **(headers or {})},
    )


def test_a_token_says_what_was_signed() -> None:
    assert verifier(NEW).verify(sign()) == CLAIMS


def test_a_token_lives_a_quarter_of_an_hour() -> None:
    """S5."""
    now = datetime.now(UTC)
    assert verifier(NEW).verify(sign(now=now - timedelta(minutes=14))) == CLAIMS
    assert verifier(NEW).verify(sign(now=now - timedelta(minutes=16))) is None


def test_tokens_of_the_old_key_are_good_while_it_is_published() -> None:
    """S4."""
    assert verifier(OLD, NEW).verify(sign(OLD)) == CLAIMS
    assert verifier(NEW).verify(sign(OLD)) is None


def test_a_key_that_came_while_the_verifier_was_warm_is_read_when_a_token_names_it() -> None:
    """S4."""
    warm = TokenVerifier(verification_keys(OLD), ISSUER, lambda: verification_keys(OLD, NEW))
    assert warm.verify(sign(NEW)) == CLAIMS
    assert warm.verify(sign(OLD)) == CLAIMS


def test_made_up_keys_cost_one_reading_in_30_seconds() -> None:
    """S4."""
    published, readings, seconds = [OLD], [0], [1000.0]

    def reread() -> VerificationKeys:
        readings[0] += 1
        return verification_keys(*published)

    warm = TokenVerifier(verification_keys(OLD), ISSUER, reread, lambda: seconds[0])
    for _ in range(3):
        assert warm.verify(forge({"kid": "made up"})) is None
        assert warm.verify(sign(OLD)) == CLAIMS
    assert readings == [1]
    published.append(NEW)
    seconds[0] += 30
    assert warm.verify(sign(NEW)) == CLAIMS
    assert readings == [2]


def test_that_the_keys_cannot_be_read_is_not_said_of_the_token() -> None:
    """S4."""

    def fail() -> VerificationKeys:
        raise UnavailableError("secrets")

    with pytest.raises(UnavailableError):
        TokenVerifier(verification_keys(OLD), ISSUER, fail).verify(sign(NEW))


def test_the_good_forgery_passes_so_that_the_bad_ones_prove_something() -> None:
    assert verifier(NEW).verify(forge()) == CLAIMS


def bad_tokens() -> dict[str, str]:
    return {
        "another issuer": forge(iss="https://evil.example"),
        "another audience": forge(aud="another-api"),
        "no audience": forge(aud=None),
        "no expiry": forge(exp=None),
        "no subject": forge(sub=None),
        "no id as subject": forge(sub="not an id"),
        "no session": forge(sid=None),
        "no role": forge(role=None),
        "no version": forge(sv=None),
        "no number as version": forge(sv="x"),
        "no id of its own": forge(jti=None),
        "unknown key": forge({"kid": "unknown"}),
        "another type": forge({"typ": "JWT"}),
        "not yet valid": forge(nbf=datetime.now(UTC) + timedelta(minutes=5)),
        "empty": "",
        "garbage": "a.b.c",
        "no ASCII": "é",
        "cut off": sign()[:-3],
    }


@pytest.mark.parametrize("name", bad_tokens())
def test_anything_else_is_refused(name: str) -> None:
    """S4."""
    assert verifier(NEW).verify(bad_tokens()[name]) is None


def test_a_token_signed_with_the_public_key_as_a_shared_secret_is_refused() -> None:
    """S4."""
    claims = jwt.decode(sign(), options={"verify_signature": False})
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    unsigned = jwt.encode(
        claims, secrets.token_bytes(32), "HS256", headers={"kid": "new", "typ": "at+jwt"}
    ).rsplit(".", 1)[0]
    signature = algorithm.sign(unsigned.encode(), NEW.public_pem.encode())
    encoded = base64.urlsafe_b64encode(signature).decode().rstrip("=")
    assert verifier(NEW).verify(f"{unsigned}.{encoded}") is None


def test_the_key_set_verifies_a_token_and_holds_nothing_private() -> None:
    """S4."""
    [old, new] = verifier(OLD, NEW).jwks()["keys"]
    assert (old["kid"], new["kid"], new["alg"], new["use"]) == ("old", "new", "RS256", "sig")
    assert not {"d", "p", "q", "dp", "dq", "qi"} & new.keys()
    assert jwt.decode(sign(), jwt.PyJWK(new).key, ["RS256"], audience=AUDIENCE)
