"""What can go wrong with an account."""

from goldalert.errors import ConflictError, ForbiddenError, UnauthorizedError


class WrongCredentialsError(UnauthorizedError):
    """The address or the password is wrong; which of them is not told."""

    code = "wrong_credentials"


class TokenRefusedError(ConflictError):
    """A one-time token is unknown, used or expired."""

    code = "token_refused"


class SessionEndedError(UnauthorizedError):
    """The refresh token's session is over."""

    code = "session_ended"


class TotpRequiredError(UnauthorizedError):
    """The password is right, and this account asks for a code as well."""

    code = "totp_required"


class WrongPasswordError(ForbiddenError):
    """Somebody who is signed in did not give their password. 401 would say: sign in again."""

    code = "wrong_password"


class WrongCodeError(ForbiddenError):
    """Somebody who is signed in gave no code, or one that is wrong or was used before."""

    code = "wrong_code"
