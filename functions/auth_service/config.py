"""The settings of the auth service."""

from datetime import timedelta

from goldalert.settings import Settings

ACCESS_TOKEN_LIFE = timedelta(minutes=15)
SESSION_LIFE = timedelta(days=30)
VERIFICATION_TOKEN_LIFE = timedelta(days=2)
RESET_TOKEN_LIFE = timedelta(hours=1)
SESSION_RETENTION = timedelta(days=7)
"""How long a session that is over is kept: an export shows it, and its tokens go bit by bit."""
NETWORK_MEMORY = timedelta(days=90)
"""How long an account is known to come from a network after its user was seen there."""
NETWORK_NOTED = timedelta(days=1)
"""How old the note of a network gets before a refresh from there renews it."""
MAX_SESSIONS = 50
"""Of one user: more than anybody has devices, and few enough to end them all at once."""
SIGNING_KEYS_SECONDS = 60
"""How long a process signs with a key that was replaced, at most."""
KEY_SET_SECONDS = 60
"""How long clients may keep the published key set."""


class AuthSettings(Settings):
    """What the auth functions are told. Names of secrets that one may not read are unset for it.

    Attributes:
        api_origin: the public base URL of the API, and the issuer of its tokens.
        bcrypt_cost: the logarithm of bcrypt's rounds.
    """

    api_origin: str
    bcrypt_cost: int = 12
    pepper_secret: str = ""
    signing_keys_secret: str = ""
    verification_keys_secret: str = ""
    event_key_secret: str = ""
    totp_key_secret: str = ""
