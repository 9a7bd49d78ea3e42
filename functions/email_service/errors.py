"""What can go wrong with a mail."""

from email_service.domain import FailureReason
from goldalert.errors import UnavailableError


class MailRefusedError(Exception):
    """The mail can never be sent as it is.

    Args:
        reason: what is wrong with it.
        detail: for the log; holds no address.
    """

    def __init__(self, reason: FailureReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


class MailPostponedError(Exception):
    """SES did not take the mail, for sure, and may take it later, such as when it throttles."""


class OutcomeUnknownError(Exception):
    """Nobody knows whether SES took the mail: the answer was lost."""


class MailInFlightError(Exception):
    """Another worker holds the mail, or was killed while it did."""


class RecipientUnknownError(UnavailableError):
    """The user's address is not known yet: their registration is still on its way."""

    def __init__(self) -> None:
        super().__init__("The recipient is not known yet.")
