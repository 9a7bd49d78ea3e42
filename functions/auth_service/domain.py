"""Rules of accounts and sessions: pure, without clock or I/O."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from goldalert.http.caller import Role


@dataclass(frozen=True)
class Account:
    """A user as the login needs to know them."""

    user_id: UUID
    password_hash: str
    role: Role
    session_version: int
    disabled: bool


@dataclass(frozen=True)
class Session:
    """One login on one device. `session_version` is the user's now; `revoked` ends it for good."""

    session_id: UUID
    user_id: UUID
    role: Role
    session_version: int
    expires_at: datetime
    revoked: bool
    disabled: bool


@dataclass(frozen=True)
class AccessClaims:
    """What an access token says."""

    user_id: UUID
    session_id: UUID
    role: Role
    session_version: int


def normalise_email(address: str) -> str:
    """Return the address as it is stored and compared: without outer blanks, in lower case."""
    return address.strip().lower()


def session_allows(session: Session, claims: AccessClaims, now: datetime) -> bool:
    """Say whether a token may still be used.

    A logout revokes the session; a changed password, role or status raises the version. The token
    must say what the database says.
    """
    return (
        not session.revoked
        and not session.disabled
        and session.expires_at > now
        and session.user_id == claims.user_id
        and session.role == claims.role
        and session.session_version == claims.session_version
    )
