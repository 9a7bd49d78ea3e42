"""Processes are ended with all that they started, and a taken port is told in one line."""

import signal
import socket
from pathlib import Path

import psutil
import pytest

from goldalert_local.errors import StackError
from goldalert_local.processes import HOST, end, require_free_port, spawn, wait_until


def test_a_process_that_does_not_end_when_asked_is_killed_with_its_family(tmp_path: Path) -> None:
    stubborn = "trap '' TERM; sleep 300 & echo $!; wait; wait; wait"
    process = spawn(["sh", "-c", stubborn], log=tmp_path / "log")
    log = tmp_path / "log"
    wait_until(lambda: log.read_text().endswith("\n"), process, seconds=10, name="sh", log=log)
    grandchild = psutil.Process(int(log.read_text()))
    end(process, signal.SIGTERM, seconds=0.2)
    assert process.poll() is not None
    assert psutil.wait_procs([grandchild], timeout=10)[0] == [grandchild]


def test_a_process_that_ends_instead_of_getting_ready_is_an_error(tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = spawn(["false"], log=log)
    with pytest.raises(StackError, match=f"Redis has ended, its log is {log}"):
        wait_until(lambda: False, process, seconds=30, name="Redis", log=log)


def test_a_process_that_runs_but_is_not_ready_in_time_is_not_said_to_have_ended(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    process = spawn(["sleep", "300"], log=log)
    try:
        with pytest.raises(StackError, match=f"Redis runs but .* in 0 s, its log is {log}"):
            wait_until(lambda: False, process, seconds=0.1, name="Redis", log=log)
    finally:
        end(process, signal.SIGTERM, seconds=5)


def test_a_taken_port_is_named_together_with_the_setting_that_changes_it() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StackError) as caught:
            require_free_port(port, "API_PORT")
    assert str(port) in str(caught.value)
    assert "API_PORT" in str(caught.value)
    assert "\n" not in str(caught.value)
