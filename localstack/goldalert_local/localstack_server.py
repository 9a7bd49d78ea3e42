"""LocalStack in host mode, with the plugin of this package, in an environment of its own."""

import os
import shutil
import signal
import subprocess
import urllib.request
from pathlib import Path

from goldalert_local.aws import ENVIRONMENT
from goldalert_local.errors import StackError
from goldalert_local.processes import HOST, end, spawn, wait_until
from goldalert_local.profiles import ENVIRONMENTS, STACK_NAME, STAGE, Profile

# Nothing of the caller's environment reaches LocalStack but what a process needs to run at all.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "USER", "LOGNAME")


class LocalStackServer:
    """One LocalStack process that keeps all its files in the stack's state folder."""

    def __init__(self, profile: Profile, log_dir: Path) -> None:
        self._profile = profile
        self._directory = profile.state_dir / "localstack"
        self.log = log_dir / "localstack.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the process without waiting for it."""
        shutil.rmtree(self._directory, ignore_errors=True)
        (self._directory / "tmp").mkdir(parents=True)
        self._process = spawn(
            [str(ENVIRONMENTS / "localstack" / "bin" / "python"), "-m", "localstack.runtime.main"],
            log=self.log,
            death_signal=signal.SIGKILL,  # asked politely it may hang; it has nothing to save
            env=self._environment(),
        )

    def wait(self) -> None:
        """Return once LocalStack answers."""
        process = self._process
        if process is None:
            raise StackError("LocalStack was not started")
        wait_until(self._is_ready, process, seconds=60, name="LocalStack", log=self.log)

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """At once: LocalStack keeps nothing, so its own way down would only take longer."""
        if self._process:
            end(self._process, signal.SIGKILL, seconds=5)

    def why_it_ended(self) -> str:
        return f"LocalStack has ended, its log is {self.log}"

    def _is_ready(self) -> bool:
        try:
            url = f"{self._profile.aws_endpoint_url}/_localstack/health"
            with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310  # a constant URL
                return bool(response.status == 200)
        except OSError:
            return False

    def _environment(self) -> dict[str, str]:
        gateway = f"{HOST}:{self._profile.aws_port}"
        return {
            **{name: os.environ[name] for name in INHERITED if name in os.environ},
            **ENVIRONMENT,
            "LAMBDA_RUNTIME_EXECUTOR": "process",
            "LAMBDA_PROCESS_PYTHON3_13": str(ENVIRONMENTS / "lambda" / "bin" / "python"),
            "GATEWAY_SERVER": "hypercorn",
            "GATEWAY_LISTEN": gateway,
            # the plugin's front door stands for the custom domain
            "FRONT_DOOR_LISTEN": f"{HOST}:{self._profile.api_port}",
            "FRONT_DOOR_API": STACK_NAME,
            "FRONT_DOOR_STAGE": STAGE,
            "LOCALSTACK_HOST": gateway,
            "SQS_ENDPOINT_STRATEGY": "path",
            # every file of this stack lies in its own folder
            "FILESYSTEM_ROOT": str(self._directory),
            "LOCALSTACK_VOLUME_DIR": str(self._directory / "volume"),
            "TMPDIR": str(self._directory / "tmp"),
            # its DNS server would listen on all addresses
            "DNS_ADDRESS": "0",
            # it calls nobody
            "DISABLE_EVENTS": "1",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "LS_LOG": "warn",
        }
