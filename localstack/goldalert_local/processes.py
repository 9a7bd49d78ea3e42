"""Child processes that never outlive the launcher."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import psutil

from goldalert_local.errors import StackError

CHILD = Path(__file__).with_name("child.py")
HOST = "127.0.0.1"


def with_parent(
    command: Sequence[str], *, death_signal: signal.Signals, unprivileged: bool = False
) -> list[str]:
    """The command line that runs `command` and ends it when this process ends, however it ends."""
    options = ["--unprivileged"] if unprivileged else []
    wrapper = [sys.executable, "-I", "-S", str(CHILD), str(os.getpid()), str(int(death_signal))]
    return [*wrapper, *options, *command]


def spawn(
    command: Sequence[str],
    *,
    log: Path,
    death_signal: signal.Signals = signal.SIGTERM,
    unprivileged: bool = False,
    env: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a server with its output in `log`, out of reach of the terminal's Ctrl-C.

    Call it from the main thread: the death signal comes when the thread that forked ends.
    """
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603  # the commands are this package's own
            with_parent(command, death_signal=death_signal, unprivileged=unprivileged),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=env,
            start_new_session=True,
        )


def end(process: subprocess.Popen[bytes], stop_signal: signal.Signals, seconds: float) -> None:
    """Ask the process to end, and kill it and what it started when it does not in time."""
    if process.poll() is None:
        family = family_of(process.pid)
        process.send_signal(stop_signal)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        end_all(family)


def family_of(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def end_all(processes: Iterable[psutil.Process], seconds: float = 5) -> None:
    processes = list(processes)
    for kill in (psutil.Process.terminate, psutil.Process.kill):
        for process in processes:
            try:
                kill(process)
            except psutil.NoSuchProcess:
                continue
        _, processes = psutil.wait_procs(processes, timeout=seconds)


def wait_until(
    ready: Callable[[], bool],
    process: subprocess.Popen[bytes],
    *,
    seconds: float,
    name: str,
    log: Path,
) -> None:
    """Poll `ready`; a process that ends or takes too long raises StackError."""
    deadline = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None:
            raise StackError(f"{name} has ended, its log is {log}")
        if time.monotonic() > deadline:
            raise StackError(f"{name} runs but gave no answer in {seconds:.0f} s, its log is {log}")
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def require_free_port(port: int, setting: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise StackError(
                f"port {port} is taken: end what listens there, or set {setting} to a free port"
            ) from error
