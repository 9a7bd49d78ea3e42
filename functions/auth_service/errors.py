"""What can go wrong with an account."""

from goldalert.errors import ConflictError, UnauthorizedError


class WrongCredentialsError(UnauthorizedError):
    """The address or the password is wrong; which of them is not told."""

    code = "wrong_credentials"


class TokenRefusedError(ConflictError):
    """A one-time token is unknown, used or expired."""

    code = "token_refused"


class SessionEndedError(UnauthorizedError):
    """The refresh token's session is over."""

    code = "session_ended"
