"""What clients send to the auth service and get from it."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, SecretStr, StringConstraints

from auth_service.domain import normalise_email
from goldalert.events.users import PersonName
from goldalert.http.schemas import RequestBody, View
from goldalert.security.roles import Role


def _check_email(value: str) -> str:
    address = normalise_email(value)
    if any(ord(character) < 33 or ord(character) == 127 for character in address):
        raise ValueError("an address has no blanks or control characters")
    return address


Email = Annotated[
    str,
    # the mail with the link is the real check; this only catches slips (RFC 5321: 254 at most)
    StringConstraints(
        strip_whitespace=True,
        max_length=254,
        pattern=r"^[^@\s<>,;:\"]{1,64}@[^@\s.<>,;:\"]+(\.[^@\s.<>,;:\"]+)+$",
    ),
    AfterValidator(_check_email),
]
Password = Annotated[SecretStr, Field(min_length=12, max_length=128)]
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
    # a wrong password of any length is answered like any other
    password: Annotated[SecretStr, Field(min_length=1, max_length=1024)]


class RefreshRequest(RequestBody):
    refresh_token: OneTimeToken


class VerifyEmailRequest(RequestBody):
    token: OneTimeToken


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
