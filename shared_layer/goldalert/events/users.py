"""Facts about accounts, on the topic `users`.

The auth service publishes them, but for two: `user_preferences_changed` is the user service's, and
`user_erased` that of each service that erases.
"""

from datetime import time
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from goldalert.events.envelope import Event, EventData
from goldalert.security.roles import Role

PersonName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100, pattern=r"^[^\p{Cc}\p{Zl}\p{Zp}]*$"),
]
"""What somebody wants to be called: one line, which a table, a mail and a page can hold."""

Digest = Literal["off", "daily", "weekly"]
"""Whether mails come one by one, or gathered once a day or a week."""

ResetReason = Literal["forgotten", "registered_again"]

RevocationReason = Literal[
    "logged_out",
    "logged_out_everywhere",
    "revoked_by_user",
    "password_changed",
    "password_reset",
    "two_factor_enabled",
    "refresh_token_reused",
    "too_many_sessions",
    "role_changed",
    "disabled",
]
"""Why sessions are over before their time."""


class QuietHours(BaseModel):
    """When somebody wants no messages, by the clock on their wall; `end` may be on the next day.

    Example:
        >>> QuietHours(start="22:00", end="07:00").model_dump_json()
        '{"start":"22:00:00","end":"07:00:00"}'
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    start: time
    end: time


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


class EmailVerificationRequestedData(EventData):
    """A new verification link, for a user whose first one was lost or is too old.

    Attributes:
        user_id: the account.
        sealed_verification_token: as in `UserRegisteredData`.
    """

    user_id: UUID
    sealed_verification_token: str


class EmailVerificationRequestedV1(Event[EmailVerificationRequestedData]):
    """Somebody who is signed in asked for another verification link."""

    event_type: Literal["email_verification_requested"] = "email_verification_requested"
    event_version: Literal[1] = 1


class PasswordResetRequestedData(EventData):
    """A link to choose a new password.

    Attributes:
        user_id: the account. None when no account has the address that was asked for: then nobody
            is written to, and the event is there so that asking costs the same (quality row S2).
        sealed_reset_token: the token of the link, which only the e-mail service can open.
        reason: the owner forgot the password, or the address was registered a second time.
    """

    user_id: UUID | None = None
    sealed_reset_token: str
    reason: ResetReason


class PasswordResetRequestedV1(Event[PasswordResetRequestedData]):
    """Somebody who cannot sign in gave an address."""

    event_type: Literal["password_reset_requested"] = "password_reset_requested"
    event_version: Literal[1] = 1


class UserPreferencesChangedData(EventData):
    """All that other services need to know of how a user likes things, as it is now.

    Attributes:
        user_id: the account.
        version: grows with every change; of two events the higher one is true.
        name: what the user wants to be called.
        locale: BCP 47, such as `de-CH`.
        timezone: of the IANA database, such as `Europe/Zurich`.
        notifications: the master switch: false means no message on any channel but about security.
        quiet_hours: in the user's own time zone; None for none.
        digest: whether mails are gathered, and for how long.
    """

    user_id: UUID
    version: Annotated[int, Field(ge=1)]
    name: PersonName | None = None
    locale: str
    timezone: str
    notifications: bool
    quiet_hours: QuietHours | None = None
    digest: Digest


class UserPreferencesChangedV1(Event[UserPreferencesChangedData]):
    """A user changed their profile or preferences."""

    event_type: Literal["user_preferences_changed"] = "user_preferences_changed"
    event_version: Literal[1] = 1


class UserRoleChangedData(EventData):
    """What an account may do now.

    Attributes:
        user_id: the account.
        role: its role.
        disabled: whether it is shut out.
        changed_by: the admin who did it; None for the operator, from outside the API.
    """

    user_id: UUID
    role: Role
    disabled: bool
    changed_by: UUID | None = None


class UserRoleChangedV1(Event[UserRoleChangedData]):
    """An admin or the operator changed what an account may do."""

    event_type: Literal["user_role_changed"] = "user_role_changed"
    event_version: Literal[1] = 1


class SessionsRevokedData(EventData):
    """Sessions that are over before their time.

    Attributes:
        user_id: whose they were.
        session_ids: which ones; None for all of the user's.
        reason: why.
    """

    user_id: UUID
    session_ids: tuple[UUID, ...] | None = None
    reason: RevocationReason


class SessionsRevokedV1(Event[SessionsRevokedData]):
    """Somebody was signed out."""

    event_type: Literal["sessions_revoked"] = "sessions_revoked"
    event_version: Literal[1] = 1


class UserDeletedData(EventData):
    """An account that is gone."""

    user_id: UUID


class UserDeletedV1(Event[UserDeletedData]):
    """A user erased their account: every service erases what it holds about them."""

    event_type: Literal["user_deleted"] = "user_deleted"
    event_version: Literal[1] = 1


class UserErasedData(EventData):
    """A user of whom nothing is left at the service that produced the event."""

    user_id: UUID


class UserErasedV1(Event[UserErasedData]):
    """A service erased a user."""

    event_type: Literal["user_erased"] = "user_erased"
    event_version: Literal[1] = 1
