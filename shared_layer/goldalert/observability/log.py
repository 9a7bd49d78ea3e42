"""The one logger. Lines are JSON: service, level, message, correlation id, cold start."""

from aws_lambda_powertools.logging import Logger

logger = Logger(log_record_order=["level", "message"], utc=True)
"""Never give it an address, a token or a password: ids only (quality row S15)."""


def start_request(correlation_id: str) -> None:
    """Forget what the last request appended, and log under `correlation_id` from here on."""
    logger.clear_state()
    logger.set_correlation_id(correlation_id)


def current_correlation_id() -> str:
    """Return the correlation id that `start_request` was given, or an empty string."""
    return logger.get_correlation_id() or ""
