"""The rules of accounts and sessions, without anything around them."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from auth_service.domain import RefreshToken, Session, is_reused
from goldalert.ids import new_id

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def token(generation: int, current_generation: int, rotated_at: datetime | None) -> RefreshToken:
    session = Session(new_id(), new_id(), "user", 1, NOW + timedelta(days=1), False, False)
    return RefreshToken(session, generation, current_generation, rotated_at)


@pytest.mark.parametrize(
    ("generation", "current", "since", "reused"),
    [
        (1, 1, None, False),
        (2, 2, timedelta(days=1), False),
        (1, 2, timedelta(0), False),
        (1, 2, timedelta(seconds=10), False),
        (1, 2, timedelta(seconds=10.001), True),
        (1, 3, timedelta(0), True),
    ],
)
def test_a_replaced_token_may_come_again_for_a_moment_while_nothing_newer_was_used(
    generation: int, current: int, since: timedelta | None, reused: bool
) -> None:
    """S5."""
    rotated_at = None if since is None else NOW - since
    assert is_reused(token(generation, current, rotated_at), NOW) is reused


def test_the_domain_loads_no_framework() -> None:
    code = "import sys, auth_service.domain; print('aws_lambda_powertools' in sys.modules)"
    result = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == "False"
