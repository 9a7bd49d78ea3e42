"""A stack that has a price; and, at the end, how many made-up inputs it was given."""

import sys
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from goldalert_local.client import StackClient

# Strangers need networks, and only on Linux has a machine more than one loopback address.
collect_ignore = [] if sys.platform == "linux" else ["test_throttling.py"]


@pytest.fixture(scope="session", autouse=True)
def a_price(stack: StackClient) -> None:
    """Without any price some routes answer 503, and rightly so."""
    with stack.price_feed() as move:
        if stack.current_price() is None:
            move(Decimal("2345.00"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    statuses: Counter[int] = Counter()
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    for report in reports:
        if report.when == "call":
            statuses.update(dict(report.user_properties).get("inputs", {}))
    if statuses:
        answers = ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
        terminalreporter.write_line(f"{statuses.total()} made-up inputs, answered with {answers}")
