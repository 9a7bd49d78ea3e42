"""The operating system's side of an execution environment: a process group, its memory, its log."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
# The kernel's "parent died" signal is sent when the thread that forked ends, not the process.
# LocalStack's worker threads come and go; this one stays as long as LocalStack.
_SPAWNER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="lambda-spawner")


class LambdaProcess:
    """A runtime process that can be started again after it ended."""

    def __init__(
        self, interpreter: str, handler: str, env: Mapping[str, str], cwd: str, log: Path
    ) -> None:
        # -P: the folder of the script must not become importable by the function
        self._command = [interpreter, "-P", str(_BOOTSTRAP), str(os.getpid()), handler]
        self._env = env
        self._cwd = cwd
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def spawn(self) -> None:
        self._process = _SPAWNER.submit(self._popen).result()

    def _popen(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603  # no shell, and the interpreter is our setting
                self._command,
                cwd=self._cwd,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def return_code(self) -> int | None:
        """As subprocess has it: None while alive, negative for the signal that killed it."""
        return self._process.poll() if self._process else None

    def memory_mb(self) -> float:
        """Resident memory in MiB, 0 when the process has ended."""
        if not self.alive or self._process is None:
            return 0.0
        try:
            return float(psutil.Process(self._process.pid).memory_info().rss) / 2**20
        except psutil.Error:
            return 0.0

    def terminate(self, grace_seconds: float) -> None:
        """Ask the group to end, and kill what is left of it after the grace."""
        self._signal(signal.SIGTERM)
        if self._process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace_seconds)
        self.kill()

    def kill(self) -> None:
        """Kill the whole group, so that nothing that the function started stays behind."""
        self._signal(signal.SIGKILL)
        if self._process:
            self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def take_log(self) -> str:
        """What the process wrote since the last call, ending in a line break."""
        with self._log.open("r+b") as log:
            text = log.read().decode("utf-8", "replace")
            log.truncate(0)
        return text if not text or text.endswith("\n") else f"{text}\n"
