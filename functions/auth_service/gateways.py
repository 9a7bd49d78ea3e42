"""Passwords and tokens: bcrypt, PyJWT and the random source behind small classes."""

import base64
import hashlib
import hmac
import math
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, SecretStr

from auth_service.config import ACCESS_TOKEN_LIFE
from auth_service.domain import AccessClaims
from goldalert.ids import new_id

_ALGORITHM = "RS256"
_TOKEN_TYPE = "at+jwt"  # noqa: S105 - the type of access tokens, RFC 9068
AUDIENCE = "goldalert-api"
_REREAD_SECONDS = 30


class Pepper(BaseModel):
    """The secret that password hashes are keyed with: 32 bytes in base64."""

    model_config = ConfigDict(frozen=True)

    pepper: SecretStr


class SigningKey(BaseModel):
    """A private key in PEM, by its id."""

    model_config = ConfigDict(frozen=True)

    kid: str
    private_pem: SecretStr


class SigningKeys(BaseModel):
    """All keys that sign or signed; `active_kid` is the one that signs now."""

    model_config = ConfigDict(frozen=True)

    active_kid: str
    keys: list[SigningKey]

    def active(self) -> SigningKey:
        return next(key for key in self.keys if key.kid == self.active_kid)


class VerificationKey(BaseModel):
    """A public key in PEM, by its id."""

    model_config = ConfigDict(frozen=True)

    kid: str
    public_pem: str


class VerificationKeys(BaseModel):
    """The public keys of all tokens that may still be valid."""

    model_config = ConfigDict(frozen=True)

    keys: list[VerificationKey]

    def pem_by_kid(self) -> dict[str, str]:
        return {key.kid: key.public_pem for key in self.keys}


class PasswordHasher:
    """bcrypt over HMAC-SHA256 with the pepper: no limit of 72 bytes, useless without the key.

    Args:
        pepper: the key, in base64.
        cost: bcrypt's cost.
    """

    def __init__(self, pepper: Pepper, cost: int) -> None:
        self._pepper = base64.b64decode(pepper.pepper.get_secret_value())
        self._cost = cost

    def hash(self, password: str) -> str:
        """Return a new salted hash. This is slow by design; how slow depends on the machine."""
        import bcrypt

        return bcrypt.hashpw(self._keyed(password), bcrypt.gensalt(self._cost)).decode()

    def verify(self, password: str, password_hash: str | None) -> bool:
        """Say whether the password made the hash; without one, work as long and say no."""
        import bcrypt

        if password_hash is None:
            bcrypt.hashpw(self._keyed(password), bcrypt.gensalt(self._cost))
            return False
        return bcrypt.checkpw(self._keyed(password), password_hash.encode())

    def _keyed(self, password: str) -> bytes:
        digest = hmac.digest(self._pepper, password.encode(), hashlib.sha256)
        # bcrypt stops at a zero byte: base64 has none
        return base64.b64encode(digest)


class TokenSigner:
    """Makes access tokens: RS256 with `kid`, 15 minutes."""

    def __init__(self, keys: SigningKeys, issuer: str) -> None:
        self._key = keys.active()
        self._issuer = issuer

    def sign(self, claims: AccessClaims, now: datetime) -> str:
        import jwt

        return jwt.encode(
            {
                "iss": self._issuer,
                "aud": AUDIENCE,
                "sub": str(claims.user_id),
                "sid": str(claims.session_id),
                "role": claims.role,
                "sv": claims.session_version,
                "jti": str(new_id()),
                "iat": now,
                "exp": now + ACCESS_TOKEN_LIFE,
            },
            self._key.private_pem.get_secret_value(),
            algorithm=_ALGORITHM,
            headers={"kid": self._key.kid, "typ": _TOKEN_TYPE},
        )


class TokenVerifier:
    """Checks access tokens against our own public keys, and nothing that a token brings along.

    Args:
        keys: the public keys.
        issuer: who must have signed.
        reread: reads the keys again. A key that came since is asked for when a token names it, but
            not more often than every 30 seconds: anyone can make up a name. A rotation that
            publishes the new key 30 seconds before it signs therefore costs no request.
        monotonic: a clock in seconds.
    """

    def __init__(
        self,
        keys: VerificationKeys,
        issuer: str,
        reread: Callable[[], VerificationKeys],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pem_by_kid = keys.pem_by_kid()
        self._issuer = issuer
        self._reread = reread
        self._monotonic = monotonic
        self._reread_at = -math.inf

    def verify(self, token: str) -> AccessClaims | None:
        """Return what a genuine, unexpired access token says, else None."""
        import jwt

        bad_token = (jwt.PyJWTError, ValueError, TypeError, AttributeError)
        try:
            header = jwt.get_unverified_header(token)
        except bad_token:
            return None
        if header.get("typ") != _TOKEN_TYPE or "kid" not in header:
            return None
        # not inside a `try`: that the keys cannot be read is not the token's fault
        pem = self._pem(header["kid"])
        if pem is None:
            return None
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                pem,
                algorithms=[_ALGORITHM],
                audience=AUDIENCE,
                issuer=self._issuer,
                leeway=5,
                options={"require": ["exp", "iat", "sub", "sid", "role", "sv", "jti"]},
            )
            return AccessClaims(
                UUID(claims["sub"]), UUID(claims["sid"]), claims["role"], int(claims["sv"])
            )
        except bad_token:
            return None

    def _pem(self, kid: str) -> str | None:
        now = self._monotonic()
        if kid not in self._pem_by_kid and now - self._reread_at >= _REREAD_SECONDS:
            self._reread_at = now
            self._pem_by_kid = self._reread().pem_by_kid()
        return self._pem_by_kid.get(kid)

    def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """Return the public keys as a JSON Web Key Set (RFC 7517)."""
        from jwt.algorithms import RSAAlgorithm

        algorithm = RSAAlgorithm(RSAAlgorithm.SHA256)
        keys = []
        for kid, pem in self._pem_by_kid.items():
            jwk = RSAAlgorithm.to_jwk(algorithm.prepare_key(pem), as_dict=True)
            keys.append({**jwk, "kid": kid, "use": "sig", "alg": _ALGORITHM})
        return {"keys": keys}
