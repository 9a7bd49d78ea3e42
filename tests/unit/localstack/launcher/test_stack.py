"""One launcher per stack, which ends what an earlier one left and keeps or clears its state."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from goldalert_local import stack as stack_module
from goldalert_local.aws import Aws
from goldalert_local.credentials import Credentials
from goldalert_local.errors import StackError
from goldalert_local.invoke import Answer
from goldalert_local.profiles import PROFILES
from goldalert_local.stack import FETCH_PRICE, MIGRATE, SEED_HISTORY, Stack, leftovers
from goldalert_local.stores.postgres import PostgresAddress

PORT_TAKEN = "the port is taken"


@pytest.fixture(autouse=True)
def stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the launcher keeps its stacks, instead of .local/stacks."""
    folder = tmp_path / "stacks"
    monkeypatch.setattr(stack_module, "STACKS", folder)
    monkeypatch.setattr("goldalert_local.profiles.STACKS", folder)
    return folder


@pytest.fixture(autouse=True)
def stop_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `start` take its folder and go no further."""

    def refuse(_port: int, _setting: str) -> None:
        raise StackError(PORT_TAKEN)

    monkeypatch.setattr(stack_module, "require_free_port", refuse)


def begin(name: str, *, keep_state: bool) -> Stack:
    stack = Stack(PROFILES[name], keep_state=keep_state)
    with pytest.raises(StackError, match=PORT_TAKEN):
        stack.start()
    return stack


@pytest.fixture
def begun() -> Iterator[Stack]:
    stack = begin("run", keep_state=True)
    yield stack
    stack.stop()


def test_a_second_launcher_of_the_same_stack_is_refused_in_one_line(begun: Stack) -> None:
    with pytest.raises(StackError) as caught:
        Stack(PROFILES["run"], keep_state=True).start()
    assert str(caught.value) == (
        f"stack run is running already (process {os.getpid()}): stop that first"
    )


def test_a_refused_launcher_leaves_the_running_one_s_files(begun: Stack, stacks: Path) -> None:
    facts = stacks / "run" / "stack.json"
    facts.write_text("{}")
    refused = Stack(PROFILES["run"], keep_state=True)
    with pytest.raises(StackError):
        refused.start()
    refused.stop()
    assert facts.exists()


def test_another_stack_starts_beside_it(begun: Stack) -> None:
    begin("test", keep_state=False).stop()


def test_after_a_stop_the_stack_can_start_again() -> None:
    begin("run", keep_state=True).stop()
    begin("run", keep_state=True).stop()


class Child:
    """Stands in for LocalStack or a store."""

    name = "child"
    pid = None
    log = Path("localstack.log")

    def __init__(self, *_: object) -> None:
        self.stopped = False

    def start(self) -> None:
        self.stopped = False

    def wait(self) -> None:
        assert self.alive()

    def alive(self) -> bool:
        return not self.stopped

    def stop(self) -> None:
        self.stopped = True


@pytest.mark.parametrize("failure", [KeyError("Body"), ValueError("no JSON")])
def test_everything_is_ended_even_when_saving_the_queues_fails(
    failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_aws: object) -> None:
        raise failure

    children = [Child(), Child(), Child()]
    stack = begin("run", keep_state=True)
    monkeypatch.setattr(stack_module.queues, "stand_still", fail)
    monkeypatch.setattr(stack, "_aws", object())
    monkeypatch.setattr(stack, "_localstack", children[0])
    monkeypatch.setattr(stack, "_stores", children[1:])
    with pytest.raises(type(failure)):
        stack.stop()
    assert all(child.stopped for child in children)
    begin("run", keep_state=True).stop()


def test_a_store_that_has_ended_is_started_again(
    begun: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Child()
    monkeypatch.setattr(begun, "_localstack", Child())
    monkeypatch.setattr(begun, "_stores", [store])
    store.stop()
    begun.watch()
    assert store.alive()


@pytest.mark.parametrize("missing", [MIGRATE, SEED_HISTORY, FETCH_PRICE])
def test_a_function_that_was_not_deployed_stops_the_start(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def invoke(_aws: Aws, function: str, _payload: bytes) -> Answer:
        if function == missing:
            response = {"Error": {"Code": "ResourceNotFoundException", "Message": function}}
            raise aws.lambda_.exceptions.ResourceNotFoundException(response, "Invoke")
        return Answer(failed=False, payload="{}", log_tail="")

    aws = Aws("http://127.0.0.1:1")
    stores = PostgresAddress("127.0.0.1", 1, "postgres", "secret", "disable"), "redis://127.0.0.1"
    monkeypatch.setattr(stack_module, "require_free_port", lambda *_: None)
    monkeypatch.setattr(stack_module, "LocalStackServer", Child)
    monkeypatch.setattr(stack_module, "build", lambda: None)
    monkeypatch.setattr(stack_module, "Aws", lambda _url: aws)
    monkeypatch.setattr(stack_module, "deploy", lambda *_: {})
    monkeypatch.setattr(stack_module, "invoke", invoke)
    monkeypatch.setattr(stack_module, "wait_for_health", lambda _url: None)
    monkeypatch.setattr(Credentials, "aws_secrets", lambda *_: {})
    stack = Stack(PROFILES["run"], keep_state=True)
    monkeypatch.setattr(stack, "_start_stores", lambda _credentials: stores)
    try:
        with pytest.raises(StackError, match=missing):
            stack.start()
    finally:
        monkeypatch.setattr(stack, "_aws", None)
        stack.stop()


@pytest.mark.parametrize("keep_state", [True, False])
def test_state_is_kept_or_cleared(keep_state: bool, stacks: Path) -> None:
    begin("test", keep_state=keep_state).stop()
    (stacks / "test" / "data").touch()
    begin("test", keep_state=keep_state).stop()
    assert (stacks / "test" / "data").exists() is keep_state


def test_nobody_else_can_look_into_the_state(begun: Stack, stacks: Path) -> None:
    assert (stacks / "run").stat().st_mode & 0o077 == 0


def test_what_a_killed_launcher_left_is_ended(stacks: Path) -> None:
    (stacks / "run").mkdir(parents=True)
    with subprocess.Popen(["sleep", "300"]) as left:  # noqa: S607  # a stand-in for a server
        noted = [[left.pid, psutil.Process(left.pid).create_time()]]
        (stacks / "run" / "processes.json").write_text(json.dumps(noted))
        try:
            begin("run", keep_state=True).stop()
            assert left.poll() is not None
        finally:
            left.kill()


def test_a_process_that_has_got_the_number_since_is_left_alone(tmp_path: Path) -> None:
    noted = tmp_path / "processes.json"
    noted.write_text(json.dumps([[os.getpid(), 1.0]]))
    assert leftovers(noted) == []
