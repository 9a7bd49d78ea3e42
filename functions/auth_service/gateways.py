"""Passwords, tokens, codes and what Redis knows: libraries behind small classes."""

import base64
import hashlib
import hmac
import math
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, SecretStr

from auth_service.config import ACCESS_TOKEN_LIFE
from auth_service.domain import (
    TIME_CODE_DIGITS,
    AccessClaims,
    AccessToken,
    normalise_password,
)
from goldalert.cache.client import RedisDatabase
from goldalert.errors import UnavailableError
from goldalert.ids import new_id
from goldalert.rate_limiting import RateLimit, RateLimiter, refuse_if_exhausted
from goldalert.security.sealed import Sealer

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from pyotp import TOTP

_ALGORITHM = "RS256"
_TOKEN_TYPE = "at+jwt"  # noqa: S105 - the type of access tokens, RFC 9068
AUDIENCE = "goldalert-api"
_KEEP_SECONDS = 300
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
    """`active_kid` is the key that signs now; during a rotation, the next one stands beside it."""

    model_config = ConfigDict(frozen=True)

    active_kid: str
    keys: list[SigningKey]

    def active(self) -> SigningKey:
        return next(key for key in self.keys if key.kid == self.active_kid)


class VerificationKey(BaseModel):
    """A public key in PEM, by its id. One that signs no more is good until `not_after`."""

    model_config = ConfigDict(frozen=True)

    kid: str
    public_pem: str
    not_after: AwareDatetime | None = None


class VerificationKeys(BaseModel):
    """The public keys of all tokens that may still be valid."""

    model_config = ConfigDict(frozen=True)

    keys: list[VerificationKey]

    def pem_by_kid(self, now: datetime) -> dict[str, str]:
        return {
            key.kid: key.public_pem
            for key in self.keys
            if key.not_after is None or key.not_after > now
        }


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

    def is_cheap(self, password_hash: str) -> bool:
        """Say whether a hash was made at a lower cost than new ones are."""
        # $2b$<cost>$<salt and hash>
        return int(password_hash.split("$")[2]) < self._cost

    def _keyed(self, password: str) -> bytes:
        normalised = normalise_password(password).encode()
        digest = hmac.digest(self._pepper, normalised, hashlib.sha256)
        # bcrypt stops at a zero byte: base64 has none
        return base64.b64encode(digest)


class Throttle:
    """Counts the tries of strangers; Redis gets to see a keyed hash of whom it counts for.

    Args:
        limiter: counts.
        pepper: what the key is made of.
    """

    def __init__(self, limiter: RateLimiter, pepper: Pepper) -> None:
        self._limiter = limiter
        # another key than that of passwords, so that no hash of the one says anything of the other
        self._key = hmac.digest(
            base64.b64decode(pepper.pepper.get_secret_value()), b"throttle", hashlib.sha256
        )

    def check(self, limit: RateLimit, *who: str) -> None:
        refuse_if_exhausted(self._limiter.peek(limit, *self._hashed(who)))

    def take(self, limit: RateLimit, *who: str) -> None:
        refuse_if_exhausted(self._limiter.hit(limit, *self._hashed(who)))

    def note(self, limit: RateLimit, *who: str) -> None:
        self._limiter.hit(limit, *self._hashed(who))

    def forgive(self, limit: RateLimit, *who: str) -> None:
        self._limiter.clear(limit, *self._hashed(who))

    def _hashed(self, who: tuple[str, ...]) -> list[str]:
        return [hmac.digest(self._key, one.encode(), hashlib.sha256).hex() for one in who]


class TokenSigner:
    """Makes access tokens: RS256 with `kid`, 15 minutes.

    Args:
        read: reads the keys. It is asked for each token, since a rotation changes them.
        issuer: who signs.
    """

    def __init__(self, read: Callable[[], SigningKeys], issuer: str) -> None:
        self._read = read
        self._issuer = issuer

    def sign(self, claims: AccessClaims, now: datetime) -> str:
        import jwt

        key = self._read().active()
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
            _private_key(key.private_pem.get_secret_value()),
            algorithm=_ALGORITHM,
            headers={"kid": key.kid, "typ": _TOKEN_TYPE},
        )


@lru_cache(maxsize=1)
def _private_key(pem: str) -> "RSAPrivateKey":
    """Return a key that is ready to sign. To load it takes as long as dozens of signatures."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(pem.encode(), password=None)
    return cast("RSAPrivateKey", key)


class TokenVerifier:
    """Checks access tokens against our own public keys, and nothing that a token brings along.

    The keys are read again every 5 minutes, so that an old one loses its trust; and when a token
    names one that came since, but not more often than every 30 seconds: anyone can make up a name.
    A rotation that publishes the new key well before it signs therefore costs no request.

    Args:
        read: reads the public keys.
        issuer: who must have signed.
        monotonic: a clock in seconds.
    """

    def __init__(
        self,
        read: Callable[[], VerificationKeys],
        issuer: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._issuer = issuer
        self._monotonic = monotonic
        self._read_at = -math.inf
        self._pem_by_kid: dict[str, str] = {}

    def verify(self, token: str) -> AccessToken | None:
        """Return a genuine, unexpired access token, read; else None."""
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
            return AccessToken(
                AccessClaims(
                    UUID(claims["sub"]), UUID(claims["sid"]), claims["role"], int(claims["sv"])
                ),
                datetime.fromtimestamp(claims["exp"], UTC),
            )
        except bad_token:
            return None

    def _pem(self, kid: str) -> str | None:
        try:
            self._reread(_KEEP_SECONDS if kid in self._pem_by_kid else _REREAD_SECONDS)
        except UnavailableError:
            if kid not in self._pem_by_kid:
                raise
            # not on every request: what we have is good for another while
            self._read_at = self._monotonic()
        return self._pem_by_kid.get(kid)

    def _reread(self, seconds: float) -> None:
        """Read the keys again, unless that was done in the last `seconds`."""
        now = self._monotonic()
        if now - self._read_at >= seconds:
            self._pem_by_kid = self._read().pem_by_kid(datetime.now(UTC))
            self._read_at = now

    def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """Return the public keys as a JSON Web Key Set (RFC 7517)."""
        from jwt.algorithms import RSAAlgorithm

        try:
            self._reread(_REREAD_SECONDS)
        except UnavailableError:
            if not self._pem_by_kid:
                raise
        algorithm = RSAAlgorithm(RSAAlgorithm.SHA256)
        keys = []
        for kid, pem in self._pem_by_kid.items():
            jwk = RSAAlgorithm.to_jwk(algorithm.prepare_key(pem), as_dict=True)
            keys.append({**jwk, "kid": kid, "use": "sig", "alg": _ALGORITHM})
        return {"keys": keys}


class TimeCodes:
    """Codes of an authenticator app (TOTP, RFC 6238): six digits, a new one every 30 seconds.

    Args:
        sealer: seals the secrets, which are worth as much as the codes, for the database.
    """

    _ISSUER = "Gold Price Alert"
    _WINDOW = 1
    """Time steps that a code may be early or late: clocks differ, and typing takes a while."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def new_secret(self) -> tuple[str, str]:
        """Return a new secret of 160 bits, in base32 and sealed."""
        import pyotp

        secret = pyotp.random_base32()
        return secret, self._sealer.seal(secret)

    def uri(self, secret: str, email: str) -> str:
        """Return what a QR code for the app holds."""
        return self._totp(secret).provisioning_uri(name=email, issuer_name=self._ISSUER)

    def step(self, sealed_secret: str, code: str, now: datetime) -> int | None:
        """Return the time step that a code belongs to, if it is a right one."""
        import pyotp

        try:
            return self._totp(self._sealer.open(sealed_secret)).verify_and_get_timecode(
                code, for_time=now, valid_window=self._WINDOW
            )
        except pyotp.OTPVerificationError:
            return None

    @staticmethod
    def _totp(secret: str) -> "TOTP":
        import pyotp

        return pyotp.TOTP(secret, digits=TIME_CODE_DIGITS)


class SessionCache:
    """What Redis knows of sessions: which are over, and when each was last used.

    It refuses fast and never allows: PostgreSQL is asked as well. Without Redis the last uses are
    less exact.
    """

    _USE_SECONDS = 24 * 3600
    # longer than the access tokens that it denies, whatever the clocks say
    _DENY_SECONDS = int(ACCESS_TOKEN_LIFE.total_seconds()) + 60

    def __init__(self, database: RedisDatabase) -> None:
        self._database = database

    def note_use(self, session_id: UUID, now: datetime) -> bool:
        """Note that a session is used, and say whether it may be as far as Redis knows."""
        with self._database.attempt() as redis:
            if redis is not None:
                with redis.pipeline(transaction=False) as pipeline:
                    pipeline.set(_use(session_id), int(now.timestamp()), ex=self._USE_SECONDS)
                    pipeline.exists(_revoked(session_id))
                    _, is_revoked = pipeline.execute()
                return not is_revoked
        return True

    def forget_use(self, session_id: UUID) -> None:
        """Forget a session that is over: nothing of it stays."""
        with self._database.attempt() as redis:
            if redis is not None:
                redis.delete(_use(session_id))

    def last_uses(self, session_ids: Sequence[UUID]) -> dict[UUID, datetime]:
        """Return when sessions were last used, of those that Redis knows."""
        found: dict[UUID, datetime] = {}
        with self._database.attempt() as redis:
            if redis is not None and session_ids:
                uses = redis.mget([_use(session_id) for session_id in session_ids])
                for session_id, use in zip(session_ids, uses, strict=True):
                    if use is not None:
                        found[session_id] = datetime.fromtimestamp(int(use), UTC)
        return found

    def deny(self, session_ids: Sequence[UUID]) -> None:
        """Refuse sessions from now on. Call it after the commit that ended them."""
        with self._database.attempt() as redis:
            if redis is not None and session_ids:
                with redis.pipeline(transaction=False) as pipeline:
                    for session_id in session_ids:
                        pipeline.set(_revoked(session_id), 1, ex=self._DENY_SECONDS)
                        pipeline.delete(_use(session_id))
                    pipeline.execute()


def _use(session_id: UUID) -> str:
    return f"session:{session_id}"


def _revoked(session_id: UUID) -> str:
    return f"revoked:{session_id}"
