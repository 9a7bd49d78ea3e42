"""A server of each kind, with its data in the test's own folder."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from goldalert_local.stores.postgres import EmbeddedPostgres
from goldalert_local.stores.redis import EmbeddedRedis

# Elsewhere the next start of the stack ends what is left: test_stack.py proves that.
collect_ignore = [] if sys.platform == "linux" else ["test_killed_launcher.py"]


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "postgres", tmp_path, "secret")
    server.start()
    server.wait()
    yield server
    server.stop()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    server = EmbeddedRedis(tmp_path / "redis", tmp_path, "secret")
    server.start()
    server.wait()
    yield server
    server.stop()
