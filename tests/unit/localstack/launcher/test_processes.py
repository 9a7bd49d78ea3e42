"""Processes end with the launcher, and a taken port is told in one line."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from goldalert_local.errors import StackError
from goldalert_local.processes import HOST, end, require_free_port, spawn, wait_until

LOCALSTACK = Path(__file__).parents[4] / "localstack"

# starts a server that ignores a polite request, tells its number and waits to be killed
LAUNCHER = """
import signal, sys, time
from pathlib import Path
from goldalert_local.processes import spawn
child = spawn(["sleep", "300"], log=Path(sys.argv[1]), death_signal=signal.SIGKILL)
print(child.pid, flush=True)
time.sleep(300)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can end children with their parent")
def test_a_child_ends_when_the_launcher_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(  # noqa: S603  # the command is the test's own
        [sys.executable, "-c", LAUNCHER, str(tmp_path / "log")],
        env={**os.environ, "PYTHONPATH": str(LOCALSTACK)},
        stdout=subprocess.PIPE,
        text=True,
    ) as launcher:
        assert launcher.stdout
        child = psutil.Process(int(launcher.stdout.readline()))
        while child.name() != "sleep":  # until then it looks for its parent itself
            assert launcher.poll() is None
        launcher.kill()
    gone, _ = psutil.wait_procs([child], timeout=10)
    assert gone == [child]


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
