"""What clients send to the auth service and get from it."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import AfterValidator, ConfigDict, Field, SecretStr, StrictBool, StringConstraints

from auth_service.domain import (
    MAX_PASSWORD_CHARACTERS,
    MIN_PASSWORD_CHARACTERS,
    normalise_email,
)
from goldalert.events.users import PersonName
from goldalert.http.schemas import RequestBody, Text, View
from goldalert.security.roles import Role

Email = Annotated[
    str,
    # RFC 5321: 254 at most
    StringConstraints(strip_whitespace=True, max_length=254),
    AfterValidator(normalise_email),
]
"""An address in the one form that is stored: what differs in case or in Unicode is the same."""

Password = Annotated[
    SecretStr, Field(min_length=MIN_PASSWORD_CHARACTERS, max_length=MAX_PASSWORD_CHARACTERS)
]
"""A new password; whether it is easy to guess depends on the account (`password_weakness`)."""

GivenPassword = Annotated[SecretStr, Field(min_length=1, max_length=1024)]
"""A password to compare: a wrong one of any length is answered like any other."""

Code = Annotated[str, StringConstraints(min_length=6, max_length=40, pattern=r"^[A-Za-z0-9 -]+$")]
"""A code of an authenticator app or a recovery code, with or without blanks and dashes."""

PartOfEmail = Annotated[
    Text | None, Query(max_length=254, description="Only users whose address has this in it.")
]

OneTimeToken = Annotated[str, StringConstraints(min_length=20, max_length=100)]

# every character of a password counts, blanks at its ends too
_AS_SENT = ConfigDict(str_strip_whitespace=False)


class RegisterRequest(RequestBody):
    model_config = _AS_SENT

    email: Email
    password: Password
    name: Annotated[PersonName, StringConstraints(strip_whitespace=True)] | None = None


class LoginRequest(RequestBody):
    model_config = _AS_SENT

    email: Email
    password: GivenPassword
    totp: Code | None = None


class RefreshRequest(RequestBody):
    refresh_token: OneTimeToken


class VerifyEmailRequest(RequestBody):
    token: OneTimeToken


class ForgotPasswordRequest(RequestBody):
    email: Email


class ResetPasswordRequest(RequestBody):
    model_config = _AS_SENT

    token: OneTimeToken
    password: Password


class ChangePasswordRequest(RequestBody):
    model_config = _AS_SENT

    current_password: GivenPassword
    password: Password


class Accepted(View):
    detail: str


class TokenPair(View):
    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the scheme's name
    expires_in: int
    user_id: UUID


class Me(View):
    user_id: UUID
    email: str
    email_verified: bool
    role: Role


class Jwks(View):
    keys: list[dict[str, Any]]


class SessionView(View):
    id: UUID
    device: str | None
    network: str | None
    created_at: datetime
    last_used_at: datetime
    current: bool


class Validation(View):
    user_id: UUID
    role: Role
    session_id: UUID
    expires_at: datetime


class TwoFactorSetup(View):
    secret: str
    otpauth_uri: str


class TwoFactorProof(RequestBody):
    model_config = _AS_SENT

    password: GivenPassword
    code: Code


class RecoveryCodes(View):
    recovery_codes: list[str]


class EraseAccountRequest(RequestBody):
    model_config = _AS_SENT

    password: GivenPassword
    totp: Code | None = None


class ManagedUserView(View):
    user_id: UUID
    email: str
    email_verified: bool
    role: Role
    disabled: bool
    two_factor_enabled: bool
    created_at: datetime


class ManagedUserChange(RequestBody):
    role: Role | None = None
    disabled: StrictBool | None = None


class ExportedSession(View):
    id: UUID
    device: str | None
    network: str | None
    created_at: datetime
    last_refreshed_at: datetime


class ExportedNetwork(View):
    network: str
    seen_at: datetime


class GrantAdminRequest(RequestBody):
    email: Email


class AdminLink(View):
    link: str
    expires_at: datetime
