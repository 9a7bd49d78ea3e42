"""Rules of accounts and sessions: pure, without clock or I/O."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from goldalert.errors import InvalidFieldError
from goldalert.security.roles import Role

REPEAT_WINDOW = timedelta(seconds=10)
"""How long after its use a refresh token may come again: two tabs that refresh at once."""

TIME_CODE_DIGITS = 6

MIN_PASSWORD_CHARACTERS = 12
MAX_PASSWORD_CHARACTERS = 128
MIN_PASSWORD_GUESSES = 10**9
"""A guesser who knows the usual passwords and this account needs at least as many tries."""

_MIN_REST_GUESSES = 10**8
"""Of what is left without separators and without what is known: it looks easier than it is."""

_JUDGED_CHARACTERS = 16
"""The judge's work may double with each character that can stand for another (`@`, `4`, `$`)."""

_OWN_WORDS = ("goldpricealert", "goldalert", "gold", "price", "alert")
_FAMOUS_PHRASES = ("correcthorsebatterystaple", "thequickbrownfox", "jumpsoverthelazydog")
"""The judge takes them for unrelated words. Of the many there are, those of every article."""
_SEPARATORS = re.compile(r"[\s._-]+")
_REPEATED = re.compile(r"(.+?)\1+")


@dataclass(frozen=True)
class Account:
    """A user as the login needs to know them."""

    user_id: UUID
    password_hash: str
    role: Role
    session_version: int
    disabled: bool


@dataclass(frozen=True)
class Client:
    """Where a login comes from: the program's name for itself, and the network."""

    device: str | None
    network: str


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


@dataclass(frozen=True)
class AccessToken:
    """A genuine access token: what it says, and until when it may."""

    claims: AccessClaims
    expires_at: datetime


@dataclass(frozen=True)
class SessionOverview:
    """A session as its user sees it. `used_at` is when it began or was last refreshed."""

    session_id: UUID
    device: str | None
    network: str | None
    created_at: datetime
    used_at: datetime


@dataclass(frozen=True)
class KnownNetwork:
    """A network that a user comes from: they signed in or followed a link there."""

    network: str
    seen_at: datetime


@dataclass(frozen=True)
class TwoFactor:
    """A user's second factor. Time steps up to `last_step` were taken and are no good any more."""

    user_id: UUID
    sealed_secret: str
    enabled: bool
    last_step: int


@dataclass(frozen=True)
class ManagedUser:
    """A user as an admin sees them."""

    user_id: UUID
    email: str
    email_verified: bool
    role: Role
    disabled: bool
    two_factor_enabled: bool
    created_at: datetime


def normalise_email(address: str) -> str:
    """Return the address as it is stored and compared: in lower case, its domain in ASCII (IDNA).

    Raises:
        ValueError: it is no address that a mail could go to. Characters outside of ASCII before the
            `@` are such a reason: SES does not send there.

    Example:
        >>> normalise_email(" Ada@EXÄMPLE.de ")
        'ada@xn--exmple-cua.de'
    """
    # takes as long to load as the rest of the service's rules together
    from email_validator import validate_email

    found = validate_email(
        address.strip(), check_deliverability=False, allow_smtputf8=False, strict=True
    )
    if found.ascii_email is None:  # the type says so; without SMTPUTF8 there is always one
        raise ValueError("There is no ASCII form of the address.")
    return found.ascii_email.lower()


def mailbox_of(email: str) -> str:
    """Return the address under which mails to an address are counted (S3).

    Most providers deliver `ada+anything@` to `ada@`, and Gmail ignores dots. An account is still
    its address as it is.

    Example:
        >>> mailbox_of("a.da+gold@googlemail.com")
        'ada@gmail.com'
    """
    local, _, domain = email.rpartition("@")
    local = local.partition("+")[0] or local
    if domain in ("gmail.com", "googlemail.com"):
        return f"{local.replace('.', '')}@gmail.com"
    return f"{local}@{domain}"


def normalise_password(password: str) -> str:
    """Return the password as it is judged and hashed, whatever keyboard composed it (NFKC)."""
    return unicodedata.normalize("NFKC", password)


def check_new_password(password: str, *about: str) -> None:
    """Refuse a password that is soon guessed (S1).

    There are no rules of composition: what counts is how many tries somebody needs who knows the
    common passwords, and the words that this account suggests.

    Args:
        password: what somebody would like their password to be.
        about: what is known of them, such as the address and the name.

    Raises:
        InvalidFieldError: it is too short, too long or too easy to guess.

    Example:
        >>> check_new_password("correct horse battery", "ada@example.com", "Ada Lovelace")
        >>> check_new_password("ada lovelace 1815", "ada@example.com", "Ada Lovelace")
        Traceback (most recent call last):
        goldalert.errors.InvalidFieldError: ...
    """
    password, words = normalise_password(password), _words_about(about)
    if not MIN_PASSWORD_CHARACTERS <= len(password) <= MAX_PASSWORD_CHARACTERS:
        raise InvalidFieldError(
            "password",
            f"A password has {MIN_PASSWORD_CHARACTERS} to {MAX_PASSWORD_CHARACTERS} characters.",
        )
    # what the account suggests adds nothing, however it is cut and joined
    rest = _SEPARATORS.sub("", password.casefold())
    for word in words:
        rest = rest.replace(word, "")
    # nor does what is said twice, which may fall into two of the parts that are judged
    rest = _REPEATED.sub(r"\1", rest)
    if not (
        _is_hard_to_guess(password, words, MIN_PASSWORD_GUESSES)
        and _is_hard_to_guess(rest, words, _MIN_REST_GUESSES)
    ):
        raise InvalidFieldError(
            "password",
            "This password is too easy to guess. "
            "Use a few words that have nothing to do with you or with us.",
        )


def _words_about(texts: tuple[str, ...]) -> list[str]:
    """Return the words that a guesser would try first, the longest first."""
    words = {*_OWN_WORDS, *_FAMOUS_PHRASES}
    for text in texts:
        parts = [text, *re.split(r"[^\w]+|_", text)]
        words.update(_SEPARATORS.sub("", part.casefold()) for part in parts)
    return sorted((word for word in words if len(word) > 2), key=lambda word: (-len(word), word))


def _is_hard_to_guess(password: str, words: list[str], guesses: int) -> bool:
    """Say whether any part of the password is: the whole is as hard at least."""
    # its dictionaries take long to load
    from zxcvbn import zxcvbn

    parts = (
        password[start : start + _JUDGED_CHARACTERS]
        for start in range(0, len(password), _JUDGED_CHARACTERS)
    )
    return any(zxcvbn(part, words)["guesses"] >= guesses for part in parts)


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


def normalise_code(code: str) -> str:
    """Return a code without the blanks and dashes that people read it with, in upper case."""
    return "".join(character for character in code if character not in " -").upper()


def is_time_code(code: str) -> bool:
    """Say whether a normalised code is one of six digits; else it is a recovery code."""
    return len(code) == TIME_CODE_DIGITS and code.isascii() and code.isdigit()
