"""A secret inside an event, readable by the one service that holds the key.

Fernet (AES-128-CBC with HMAC-SHA256, https://github.com/fernet/spec) from `cryptography`. The key
lies in Secrets Manager, where only the sealing and the opening service may read it.
"""

from pydantic import BaseModel, ConfigDict, SecretStr


class EventKey(BaseModel):
    """The secret: the first key seals, all of them open, so that keys can be rotated."""

    model_config = ConfigDict(frozen=True)

    keys: list[SecretStr]


class SealBrokenError(Exception):
    """The text was not sealed with any of the keys."""


class Sealer:
    """Seals and opens.

    Args:
        key: the keys of both ends.

    Example:
        >>> from cryptography.fernet import Fernet
        >>> sealer = Sealer(EventKey(keys=[Fernet.generate_key().decode()]))
        >>> sealer.open(sealer.seal("token"))
        'token'
    """

    def __init__(self, key: EventKey) -> None:
        from cryptography.fernet import Fernet, MultiFernet

        self._fernet = MultiFernet([Fernet(k.get_secret_value()) for k in key.keys])

    def seal(self, text: str) -> str:
        """Return `text` encrypted and authenticated, as ASCII."""
        return self._fernet.encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """Return what was sealed.

        Raises:
            SealBrokenError: it was tampered with, or sealed with another key.
        """
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(sealed).decode()
        except InvalidToken as error:
            raise SealBrokenError("cannot be opened with the keys at hand") from error
