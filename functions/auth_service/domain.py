"""Rules of accounts and sessions: pure, without clock or I/O."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from goldalert.security.roles import Role

REPEAT_WINDOW = timedelta(seconds=10)
"""How long after its use a refresh token may come again: two tabs that refresh at once."""


@dataclass(frozen=True)
class Account:
    """A user as the login needs to know them."""

    user_id: UUID
    password_hash: str
    role: Role
    session_version: int
    disabled: bool


@dataclass(frozen=True)
class User:
    """A user as they see themselves."""

    user_id: UUID
    email: str
    email_verified: bool
    role: Role


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
class RefreshToken:
    """A refresh token that we gave out, and how its session stands.

    The first token of a session is of generation 1; what a token is exchanged for is of the next
    one. `current_generation` is the session's latest, begun at `rotated_at`.
    """

    session: Session
    generation: int
    current_generation: int
    rotated_at: datetime | None


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


def is_reused(token: RefreshToken, now: datetime) -> bool:
    """Say whether a token comes again that an honest client has replaced long ago.

    A token of the generation before is a repetition as long as nothing of the current one was used
    and the exchange was a moment ago. Its new token is of the current generation too: of such
    siblings the first to be used makes the others old, so that two who hold one each are found out.
    """
    if token.generation == token.current_generation:
        return False
    return (
        token.generation < token.current_generation - 1
        or token.rotated_at is None
        or now - token.rotated_at > REPEAT_WINDOW
    )


def session_stands(session: Session, now: datetime) -> bool:
    """Say whether the user is still signed in on this device."""
    return not session.revoked and not session.disabled and session.expires_at > now


def session_allows(session: Session, claims: AccessClaims, now: datetime) -> bool:
    """Say whether a token may still be used.

    A logout revokes the session; a changed password, role or status raises the version. The token
    must say what the database says.
    """
    return (
        session_stands(session, now)
        and session.user_id == claims.user_id
        and session.role == claims.role
        and session.session_version == claims.session_version
    )
