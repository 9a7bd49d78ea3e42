"""Facts about accounts, published by the auth service on the topic `users`."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import StringConstraints

from goldalert.events.envelope import Event, EventData

PersonName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100, pattern=r"^[^\p{Cc}\p{Zl}\p{Zp}]*$"),
]
"""What somebody wants to be called: one line, which a table, a mail and a page can hold."""


class UserRegisteredData(EventData):
    """A new account.

    Attributes:
        user_id: the account.
        email: its address; not yet shown to be the user's.
        name: what the user wants to be called, if they said.
        sealed_verification_token: the token of the verification link, which only the e-mail
            service can open (`goldalert.security.sealed`).
    """

    user_id: UUID
    email: str
    name: PersonName | None = None
    sealed_verification_token: str


class UserRegisteredV1(Event[UserRegisteredData]):
    """Somebody registered."""

    event_type: Literal["user_registered"] = "user_registered"
    event_version: Literal[1] = 1


class UserEmailVerifiedData(EventData):
    """An address that was shown to be the user's."""

    user_id: UUID
    email: str


class UserEmailVerifiedV1(Event[UserEmailVerifiedData]):
    """Somebody opened the link in the verification mail: they may get other mail from now on."""

    event_type: Literal["user_email_verified"] = "user_email_verified"
    event_version: Literal[1] = 1
