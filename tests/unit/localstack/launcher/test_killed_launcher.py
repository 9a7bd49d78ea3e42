"""On Linux the kernel ends the processes of a launcher that is killed (see conftest.py)."""

import os
import subprocess
import sys
from pathlib import Path

import psutil

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
