"""The composition root: the only place that names concrete classes."""

from functools import cache, cached_property

from auth_service.config import SIGNING_KEYS_SECONDS, AuthSettings
from auth_service.gateways import (
    PasswordHasher,
    Pepper,
    SessionCache,
    SigningKeys,
    Throttle,
    TimeCodes,
    TokenSigner,
    TokenVerifier,
    VerificationKeys,
)
from auth_service.use_cases.ports import Accounts
from goldalert.bootstrap import BaseServices
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.secrets import read_secret
from goldalert.security.sealed import EventKey, Sealer


class Services(BaseServices[AuthSettings]):
    """What the handlers work with."""

    @cached_property
    def unit_of_work(self) -> UnitOfWork[Accounts]:
        from auth_service.repository import Repository

        return self.make_unit_of_work(Repository)

    @cached_property
    def passwords(self) -> PasswordHasher:
        pepper = read_secret(self.settings.pepper_secret, Pepper)
        return PasswordHasher(pepper, self.settings.bcrypt_cost)

    @cached_property
    def throttle(self) -> Throttle:
        pepper = read_secret(self.settings.pepper_secret, Pepper)
        return Throttle(self.rate_limiter, pepper)

    @cached_property
    def signer(self) -> TokenSigner:
        def read() -> SigningKeys:
            return read_secret(
                self.settings.signing_keys_secret, SigningKeys, keep_seconds=SIGNING_KEYS_SECONDS
            )

        return TokenSigner(read, self.settings.api_origin)

    @cached_property
    def verifier(self) -> TokenVerifier:
        def read() -> VerificationKeys:
            return read_secret(self.settings.verification_keys_secret, VerificationKeys, fresh=True)

        return TokenVerifier(read, self.settings.api_origin)

    @cached_property
    def codes(self) -> TimeCodes:
        return TimeCodes(Sealer(read_secret(self.settings.totp_key_secret, EventKey)))

    @cached_property
    def session_cache(self) -> SessionCache:
        return SessionCache(self.redis)

    @cached_property
    def seal(self) -> Sealer:
        return Sealer(read_secret(self.settings.event_key_secret, EventKey))


@cache
def services() -> Services:
    return Services(AuthSettings.from_environment())
