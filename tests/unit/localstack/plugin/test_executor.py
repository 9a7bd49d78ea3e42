import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.unit.localstack.plugin.support import (
    PROCESSES_PER_FUNCTION,
    Deploy,
    LocalStack,
    create_function,
    eventually,
    zipped,
)


class Meeting:
    """Where functions that run report, and wait to be let go."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.port = listener.getsockname()[1]
        self._guests: list[socket.socket] = []

    def next_guest(self, seconds: float = 60) -> int:
        """The process id of the next function that arrives."""
        self._listener.settimeout(seconds)
        guest, _ = self._listener.accept()
        self._guests.append(guest)
        with guest.makefile() as line:
            return int(line.readline())

    def let_one_go(self) -> None:
        guest = self._guests.pop(0)
        guest.sendall(b"!")
        guest.close()

    def guest_has_left(self) -> bool:
        """Whether the process behind the oldest connection is gone."""
        self._guests[0].settimeout(60)
        return self._guests[0].recv(1) == b""

    def close(self) -> None:
        for guest in self._guests:
            guest.close()


@pytest.fixture
def meeting() -> Iterator[Meeting]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = Meeting(listener)
        yield place
        place.close()


def test_a_warm_process_serves_the_next_invocation(deploy: Deploy) -> None:
    function = deploy()
    assert function.invoke()["pid"] == function.invoke()["pid"]


def test_the_function_sees_lambdas_environment_and_nothing_of_localstacks(
    deploy: Deploy, localstack: LocalStack
) -> None:
    function = deploy(Environment={"Variables": {"COLOUR": "gold"}})
    seen = function.invoke()
    environment = seen["environment"]
    assert environment["COLOUR"] == "gold"
    assert environment["AWS_ENDPOINT_URL"] == localstack.url
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == function.name
    assert environment["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"
    assert not {"NOT_FOR_FUNCTIONS", "PYTHONDONTWRITEBYTECODE", "LAMBDA_RUNTIME_EXECUTOR"} & set(
        environment
    )
    assert 0 < seen["remaining"] <= 10_000
    assert not any("goldalert_local" in folder for folder in seen["path"])


def test_an_exception_comes_back_as_the_runtime_client_words_it(deploy: Deploy) -> None:
    error, payload = deploy().attempt(do="fail", message="no gold")
    assert error == "Unhandled"
    assert (payload["errorType"], payload["errorMessage"]) == ("ValueError", "no gold")


def test_a_time_out_kills_the_process_and_the_next_invocation_gets_a_new_one(
    deploy: Deploy, meeting: Meeting
) -> None:
    function = deploy(timeout=1)
    error, payload = function.attempt(do="hang", port=meeting.port)
    assert error == "Unhandled"
    assert payload["errorMessage"].endswith("Task timed out after 1.00 seconds")
    hung = meeting.next_guest()
    assert meeting.guest_has_left()
    assert function.invoke()["pid"] != hung


@pytest.mark.parametrize(
    ("status", "words"),
    [(3, "exit status 3"), (0, "Runtime exited without providing a reason")],
)
def test_a_process_that_exits_is_an_error_of_that_invocation_only(
    deploy: Deploy, status: int, words: str
) -> None:
    function = deploy()
    error, payload = function.attempt(do="exit", status=status)
    assert error == "Unhandled"
    assert payload["errorType"] == "Runtime.ExitError"
    assert payload["errorMessage"].endswith(words)
    assert function.invoke()["pid"]


def test_memory_over_the_limit_is_out_of_memory(deploy: Deploy, meeting: Meeting) -> None:
    function = deploy(memory=128)
    error, payload = function.attempt(do="eat", megabytes=200, port=meeting.port)
    assert error == "Unhandled"
    assert payload["errorType"] == "Runtime.OutOfMemory"
    assert function.invoke()["pid"]


def test_a_response_over_six_megabytes_is_refused(deploy: Deploy) -> None:
    function = deploy(memory=512)
    error, payload = function.attempt(do="fill", bytes=6_300_000)
    assert error == "Unhandled"
    assert payload["errorType"] == "Function.ResponseSizeTooLarge"
    assert function.invoke()["pid"]


def test_a_failed_init_is_reported_and_tried_again(deploy: Deploy, tmp_path: Path) -> None:
    cure = tmp_path / "cure"
    code = (
        "from pathlib import Path\n"
        f"assert Path({str(cure)!r}).exists(), 'not cured'\n"
        "def handler(event, context): return 'well'\n"
    )
    function = deploy(code)
    for _ in range(2):
        error, payload = function.attempt()
        assert (error, payload["errorType"]) == ("Unhandled", "AssertionError")
    cure.touch()
    assert function.invoke() == "well"


def test_a_module_that_cannot_be_imported_is_an_import_error(deploy: Deploy) -> None:
    error, payload = deploy("import no_such_module").attempt()
    assert (error, payload["errorType"]) == ("Unhandled", "Runtime.ImportModuleError")


def test_an_exit_during_init_is_reported(deploy: Deploy) -> None:
    error, payload = deploy("import os; os._exit(7)").attempt()
    assert (error, payload["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert payload["errorMessage"].endswith("exit status 7")


def test_a_killed_process_is_replaced_at_the_next_invocation(deploy: Deploy) -> None:
    function = deploy()
    victim = function.invoke()["pid"]
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: not psutil.pid_exists(victim) or zombie(victim))
    assert function.invoke()["pid"] != victim


def test_a_process_killed_at_work_is_an_error_of_that_invocation_only(
    deploy: Deploy, meeting: Meeting
) -> None:
    function = deploy()
    with ThreadPoolExecutor() as pool:
        invocation = pool.submit(function.attempt, do="meet", port=meeting.port)
        os.kill(meeting.next_guest(), signal.SIGKILL)
        error, payload = invocation.result()
    assert error == "Unhandled"
    assert payload["errorType"] == "Runtime.ExitError"
    assert payload["errorMessage"].endswith("signal: killed")
    assert function.invoke()["pid"]


def zombie(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    return True


def test_concurrent_invocations_run_in_processes_of_their_own_up_to_the_cap(
    deploy: Deploy, meeting: Meeting
) -> None:
    function = deploy()
    with ThreadPoolExecutor() as pool:
        invocations = [
            pool.submit(function.invoke, do="meet", port=meeting.port)
            for _ in range(PROCESSES_PER_FUNCTION + 1)
        ]
        processes = {meeting.next_guest() for _ in range(PROCESSES_PER_FUNCTION)}
        assert len(processes) == PROCESSES_PER_FUNCTION
        with pytest.raises(TimeoutError):  # the one too many waits
            meeting.next_guest(seconds=0.5)
        meeting.let_one_go()
        assert meeting.next_guest() in processes
        for _ in range(PROCESSES_PER_FUNCTION):
            meeting.let_one_go()
        assert {invocation.result() for invocation in invocations} == processes


def test_layers_are_merged_in_order(deploy: Deploy, localstack: LocalStack) -> None:
    client = localstack.client("lambda")
    layers = [
        client.publish_layer_version(LayerName=name, Content={"ZipFile": zipped(files)})[
            "LayerVersionArn"
        ]
        for name, files in [
            ("first", {"python/only_first.py": "NAME = 1", "python/both.py": "NAME = 1"}),
            ("second", {"python/both.py": "NAME = 2"}),
        ]
    ]
    function = deploy(Layers=layers)
    assert function.invoke(do="import", module="only_first") == 1
    assert function.invoke(do="import", module="both") == 2


def test_logs_arrive_in_cloudwatch_with_a_report(deploy: Deploy, localstack: LocalStack) -> None:
    function = deploy()
    function.invoke(do="say", words="all that glitters")
    logs = localstack.client("logs")

    def lines() -> list[str]:
        with contextlib.suppress(logs.exceptions.ResourceNotFoundException):
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{function.name}")["events"]
            return [event["message"].strip() for event in events]
        return []

    start, words, end, report = eventually(lines)
    assert start.startswith("START RequestId: ")
    assert words == "all that glitters"
    assert end.startswith("END RequestId: ")
    assert "Memory Size: 256 MB\tMax Memory Used: " in report
    assert "Init Duration: " in report


def test_no_process_outlives_localstack(tmp_path: Path, meeting: Meeting) -> None:
    server = LocalStack(tmp_path / "state")
    server.start()
    try:
        server.wait_until_up()
        client = server.client("lambda")
        create_function(client, "orphan", timeout=60)
        client.invoke(
            FunctionName="orphan",
            InvocationType="Event",
            Payload=f'{{"do": "hang", "port": {meeting.port}}}',
        )
        meeting.next_guest()
    finally:
        server.process.kill()
        server.process.wait()
    assert meeting.guest_has_left()
