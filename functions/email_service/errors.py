"""What can go wrong with a mail."""

from email_service.domain import FailureReason


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
