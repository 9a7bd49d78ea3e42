"""One-time tokens: given to one person, stored as a hash."""

import hashlib
import secrets


def new_token() -> str:
    """Return a random token of 256 bits, safe in a URL.

    Example:
        >>> len(new_token())
        43
    """
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """Return what is stored of a token. It has 256 random bits, so a plain hash will do."""
    return hashlib.sha256(token.encode()).hexdigest()
