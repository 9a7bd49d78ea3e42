"""One real LocalStack with the plugin for the whole test run, and functions that do as told.

These tests run on the interpreter of LocalStack's environment (see localstack/README.md); any other
environment leaves them out, for it has no LocalStack to import.
"""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.unit.localstack.plugin.support import (
    LAB_CODE,
    Deploy,
    Function,
    LocalStack,
    Shop,
    create_function,
)

if not importlib.util.find_spec("rolo"):
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def localstack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    server = LocalStack(tmp_path_factory.mktemp("localstack") / "state")
    server.start()
    try:
        server.wait_until_up()
        yield server
    finally:
        server.stop()


@pytest.fixture
def deploy(localstack: LocalStack, request: pytest.FixtureRequest) -> Iterator[Deploy]:
    """Deploys functions that are removed after the test."""
    client = localstack.client("lambda")
    names: list[str] = []

    def deploy(code: str = LAB_CODE, **settings: Any) -> Function:
        name = re.sub(r"\W+", "-", f"{request.node.name}-{len(names)}")[-64:].strip("-")
        names.append(name)
        create_function(client, name, code, **settings)
        return Function(client, name)

    yield deploy
    for name in names:
        client.delete_function(FunctionName=name)


@pytest.fixture(scope="session")
def shop(localstack: LocalStack) -> Shop:
    """The API of shop.yaml behind the front door."""
    before = requests.get(f"{localstack.front_door}/open", timeout=5)
    localstack.deploy_stack("shop", Path(__file__).with_name("shop.yaml").read_text())
    return Shop(localstack.front_door, before)
