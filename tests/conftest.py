"""The running local stack, which `make test` starts and names in STACK_FILE."""

import os
from pathlib import Path

import pytest

from goldalert_local.client import StackClient, User


@pytest.fixture(scope="session")
def stack() -> StackClient:
    return StackClient(Path(os.environ["STACK_FILE"]))


@pytest.fixture(scope="session")
def admin(stack: StackClient) -> User:
    return stack.admin


@pytest.fixture
def user(stack: StackClient) -> User:
    """A new user, verified and signed in."""
    return stack.new_user()
