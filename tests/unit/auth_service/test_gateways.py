"""Passwords and access tokens."""

import base64
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import bcrypt
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


PEPPER = Pepper(pepper=SecretStr(base64.b64encode(b"p" * 32).decode()))


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


@pytest.mark.parametrize(
    ("composed", "decomposed"), [("\u00e9", "e\u0301"), ("\ufb01", "fi"), ("\uff41", "a")]
)
def test_a_password_is_the_same_from_every_keyboard(composed: str, decomposed: str) -> None:
    """S1: NFKC, as NIST SP 800-63B wants it."""
    hashed = hasher().hash(f"correct horse {composed}")
    assert hasher().verify(f"correct horse {decomposed}", hashed)


def test_hashes_of_before_the_normalisation_stay_good() -> None:
    """S1: made by the first release from the characters as they came."""
    keyed = base64.b64encode(hmac.digest(b"p" * 32, b"correct horse battery", "sha256"))
    hashed = bcrypt.hashpw(keyed, bcrypt.gensalt(4)).decode()
    assert hasher().verify("correct horse battery", hashed)


def test_a_hash_of_a_lower_cost_is_known_as_such() -> None:
    """S1."""
    cheap = hasher().hash("correct horse battery")
    costly = PasswordHasher(PEPPER, cost=5)
    assert costly.is_cheap(cheap)
    assert not costly.is_cheap(costly.hash("correct horse battery"))
    assert not hasher().is_cheap(costly.hash("correct horse battery"))


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
    return TokenSigner(lambda: keys, ISSUER).sign(CLAIMS, now or datetime.now(UTC))


def verification_keys(*keys: Keys) -> VerificationKeys:
    return VerificationKeys(keys=[key.verification() for key in keys])


def verifier(*keys: Keys) -> TokenVerifier:
    return TokenVerifier(lambda: verification_keys(*keys), ISSUER)


def said(verifier: TokenVerifier, token: str) -> AccessClaims | None:
    found = verifier.verify(token)
    return found and found.claims


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
    assert said(verifier(NEW), sign()) == CLAIMS


def test_a_token_lives_a_quarter_of_an_hour() -> None:
    """S5."""
    now = datetime.now(UTC)
    assert said(verifier(NEW), sign(now=now - timedelta(minutes=14))) == CLAIMS
    assert verifier(NEW).verify(sign(now=now - timedelta(minutes=16))) is None


def test_tokens_of_the_old_key_are_good_while_it_is_published() -> None:
    """S4."""
    assert said(verifier(OLD, NEW), sign(OLD)) == CLAIMS
    assert verifier(NEW).verify(sign(OLD)) is None


@dataclass
class WarmVerifier:
    """A verifier whose time and whose keys a test changes. It counts how often it reads them."""

    published: list[VerificationKey]
    is_down: bool = False
    seconds: float = 1000.0
    readings: int = 0

    def __post_init__(self) -> None:
        self._verifier = TokenVerifier(self._read, ISSUER, lambda: self.seconds)
        self.verify = self._verifier.verify
        self.jwks = self._verifier.jwks

    def _read(self) -> VerificationKeys:
        self.readings += 1
        if self.is_down:
            raise UnavailableError("secrets")
        return VerificationKeys(keys=self.published)


@pytest.fixture
def warm() -> WarmVerifier:
    """A verifier that has just read the old key."""
    made = WarmVerifier([OLD.verification()])
    assert said(made, sign(OLD)) == CLAIMS
    return made


def test_a_key_that_came_while_the_verifier_was_warm_is_read_when_a_token_names_it(
    warm: WarmVerifier,
) -> None:
    """S4."""
    warm.published.append(NEW.verification())
    warm.seconds += 30
    assert said(warm, sign(NEW)) == CLAIMS
    assert said(warm, sign(OLD)) == CLAIMS
    assert warm.readings == 2


def test_made_up_keys_cost_one_reading_in_30_seconds(warm: WarmVerifier) -> None:
    """S4."""
    warm.seconds += 30
    for _ in range(3):
        assert warm.verify(forge({"kid": "made up"})) is None
        assert said(warm, sign(OLD)) == CLAIMS
    assert warm.readings == 2


def test_a_key_loses_its_trust_after_its_end_though_no_token_names_another(
    warm: WarmVerifier,
) -> None:
    """S4."""
    over = OLD.verification().model_copy(update={"not_after": datetime.now(UTC)})
    warm.published[:] = [over, NEW.verification()]
    warm.seconds += 299
    assert said(warm, sign(OLD)) == CLAIMS
    warm.seconds += 1
    assert warm.verify(sign(OLD)) is None
    assert said(warm, sign(NEW)) == CLAIMS


def test_a_key_is_good_until_its_end(warm: WarmVerifier) -> None:
    """S4."""
    end = datetime.now(UTC) + timedelta(minutes=20)
    warm.published[:] = [OLD.verification().model_copy(update={"not_after": end})]
    warm.seconds += 300
    assert said(warm, sign(OLD)) == CLAIMS


def test_known_keys_stay_good_while_they_cannot_be_read_again(warm: WarmVerifier) -> None:
    """S4."""
    warm.is_down = True
    warm.seconds += 300
    for _ in range(3):
        assert said(warm, sign(OLD)) == CLAIMS
    assert warm.readings == 2


@pytest.mark.parametrize("known", [[], [OLD.verification()]], ids=["cold", "warm"])
def test_that_the_keys_cannot_be_read_is_not_said_of_the_token(known: list[Any]) -> None:
    """S4."""
    verifier = WarmVerifier(known)
    assert said(verifier, sign(OLD)) == (CLAIMS if known else None)
    verifier.is_down = True
    verifier.seconds += 30
    for _ in range(2):
        with pytest.raises(UnavailableError):
            verifier.verify(sign(NEW))


def test_the_key_set_shows_a_new_key_after_30_seconds(warm: WarmVerifier) -> None:
    """S4."""
    warm.published.append(NEW.verification())
    assert [key["kid"] for key in warm.jwks()["keys"]] == ["old"]
    warm.seconds += 30
    assert [key["kid"] for key in warm.jwks()["keys"]] == ["old", "new"]


def test_the_key_set_is_there_while_the_keys_cannot_be_read_again(warm: WarmVerifier) -> None:
    """S4."""
    warm.is_down = True
    warm.seconds += 30
    assert [key["kid"] for key in warm.jwks()["keys"]] == ["old"]


def test_the_signer_takes_the_key_that_is_active_now() -> None:
    """S4."""
    both = [OLD.signing(), NEW.signing()]
    keys = [SigningKeys(active_kid="new", keys=both), SigningKeys(active_kid="old", keys=both)]
    signer = TokenSigner(lambda: keys.pop(), ISSUER)
    tokens = [signer.sign(CLAIMS, datetime.now(UTC)) for _ in range(2)]
    assert [jwt.get_unverified_header(token)["kid"] for token in tokens] == ["old", "new"]


def test_the_good_forgery_passes_so_that_the_bad_ones_prove_something() -> None:
    assert said(verifier(NEW), forge()) == CLAIMS


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
