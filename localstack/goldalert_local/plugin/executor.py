"""Runs Lambda functions as local processes on AWS's own runtime client, where LocalStack would
want Docker. Each execution environment is one process and one Runtime API server.
"""

import enum
import json
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from goldalert_local.plugin import layers
from goldalert_local.plugin.lambda_process import LambdaProcess
from goldalert_local.plugin.runtime_api import RuntimeApi
from localstack import config

INIT_LIMIT_SECONDS = 10.0  # AWS's; a slower init starts again within the first invocation
CHECK_SECONDS = 0.1  # how often memory, exit and deadline are looked at
STOP_GRACE_SECONDS = 0.5
MAX_RESPONSE_BYTES = 6_291_556  # AWS's: 6 MB and the envelope


class End(enum.Enum):
    """How the wait for the function's process ended."""

    OK = enum.auto()
    INIT_ERROR = enum.auto()
    EXITED = enum.auto()
    OUT_OF_MEMORY = enum.auto()
    TIMED_OUT = enum.auto()
    STOPPED = enum.auto()


def interpreter_of(runtime: str) -> str:
    """The interpreter that stands for a Lambda runtime: python3.13 is LAMBDA_PROCESS_PYTHON3_13."""
    variable = f"LAMBDA_PROCESS_{runtime.upper().replace('.', '_')}"
    if not (path := os.environ.get(variable)):
        raise ValueError(f"no interpreter for the runtime {runtime}: set {variable}")
    return path


class ProcessRuntimeExecutor(RuntimeExecutor):  # type: ignore[misc]  # untyped base
    """One execution environment: `start`, then one `invoke` at a time, then `stop`."""

    _process: LambdaProcess
    _api: RuntimeApi

    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        super().__init__(id, function_version)
        self._config = function_version.config
        self._folder = Path(tempfile.gettempdir()) / "lambda" / "environments" / id
        self._stopped = threading.Event()
        self._unreported_init: End | None = None
        self._init_ms: float | None = None
        self._peak_mb = 0.0

    # -- the function's version

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        interpreter_of(function_version.config.runtime)
        function_version.config.code.prepare_for_execution()
        layers.merged(function_version.config.layers)

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Nothing to do: LocalStack removes the code, and merged layers are shared."""

    # -- addresses

    def get_address(self) -> str:
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        return f"http://127.0.0.1:{config.GATEWAY_LISTEN[0].port}/_localstack_lambda/{self.id}"

    # -- lifecycle

    def start(self, env_vars: Mapping[str, str | int | None]) -> None:
        """Start the process and wait for its init. A failed init is no error here: as on AWS, the
        first invocation reports it."""
        (self._folder / "tmp").mkdir(parents=True)
        self._api = RuntimeApi()
        env = self._environment(env_vars)
        self._process = LambdaProcess(
            interpreter_of(self._config.runtime),
            self._config.handler,
            env,
            cwd=env["LAMBDA_TASK_ROOT"],
            log=self._folder / "log",
        )
        self._unreported_init = self._initialize(time.monotonic() + INIT_LIMIT_SECONDS)
        if self._unreported_init is End.STOPPED:
            raise RuntimeError("the execution environment was stopped while it started")

    def _environment(self, env_vars: Mapping[str, str | int | None]) -> dict[str, str]:
        """LocalStack's variables and those that Lambda itself sets; nothing of our own process."""
        code = str(self._config.code.get_unzipped_code_location())
        opt = layers.merged(self._config.layers)
        runtime = self._config.runtime
        env = {
            "LANG": "C.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self._folder),
            "TMPDIR": str(self._folder / "tmp"),
            "PYTHONUNBUFFERED": "1",
        } | {name: str(value) for name, value in env_vars.items() if value is not None}
        python_path = [
            code,
            f"{opt}/python",
            f"{opt}/python/lib/{runtime}/site-packages",
            env.get("PYTHONPATH", ""),
        ]
        return env | {
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}",
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "LAMBDA_TASK_ROOT": code,
            "PATH": f"{opt}/bin:{env['PATH']}",
            "PYTHONPATH": os.pathsep.join(filter(None, python_path)),
        }

    def _initialize(self, deadline: float) -> End:
        started = time.monotonic()
        self._api.begin()
        self._process.spawn()
        end = self._wait_for(lambda: self._api.idle or self._api.init_error is not None, deadline)
        self._init_ms = (time.monotonic() - started) * 1000
        if self._api.init_error is not None:
            end = End.INIT_ERROR
        if end is not End.OK:
            self._process.kill()
        return end

    def stop(self) -> None:
        self._stopped.set()
        if hasattr(self, "_process"):  # else `start` failed early
            self._process.terminate(STOP_GRACE_SECONDS)
        if hasattr(self, "_api"):
            self._api.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def get_logs(self) -> str:
        log = self._folder / "log"
        return log.read_text(errors="replace") if log.exists() else ""

    # -- invocations

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        request_id = payload["invoke-id"]
        started = time.monotonic()
        deadline = started + self._config.timeout
        end, self._unreported_init = self._unreported_init or End.OK, None
        if end is End.TIMED_OUT or (end is End.OK and not self._process.alive):
            end = self._initialize(deadline)
        init_ms, self._init_ms = self._init_ms, None
        self._peak_mb = 0.0
        if end is End.OK:
            end = self._run(payload, deadline)
        self._peak_mb = max(self._peak_mb, self._process.memory_mb())
        if end is not End.OK:
            self._process.kill()
        body, is_error = self._answer(end, request_id)
        report = self._report(request_id, end, (time.monotonic() - started) * 1000, init_ms)
        return InvocationResult(request_id, body, is_error, report)

    def _run(self, payload: dict[str, str], deadline: float) -> End:
        request_id = payload["invoke-id"]
        deadline_ms = int((time.time() + deadline - time.monotonic()) * 1000)
        headers = {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": payload["invoked-function-arn"],
            "Lambda-Runtime-Trace-Id": payload.get("trace-id", ""),
        }
        self._api.send(headers, payload["payload"].encode())
        return self._wait_for(
            lambda: self._api.result is not None and self._api.result.request_id == request_id,
            deadline,
        )

    def _wait_for(self, condition: Callable[[], bool], deadline: float) -> End:
        while not self._api.wait_for(condition, min(CHECK_SECONDS, deadline - time.monotonic())):
            memory_mb = self._process.memory_mb()
            self._peak_mb = max(self._peak_mb, memory_mb)
            if self._stopped.is_set():
                return End.STOPPED
            if not self._process.alive:
                # its last words may have arrived together with its end
                return End.OK if self._api.wait_for(condition, 0) else End.EXITED
            if memory_mb > self._config.memory_size:
                return End.OUT_OF_MEMORY
            if time.monotonic() >= deadline:
                return End.TIMED_OUT
        return End.OK

    def _answer(self, end: End, request_id: str) -> tuple[bytes, bool]:
        """The invocation's payload, worded as AWS words it, and whether it is an error."""
        match end:
            case End.OK if self._api.result is not None:
                result = self._api.result
                if len(result.payload) <= MAX_RESPONSE_BYTES:
                    return result.payload, result.is_error
                return _error(
                    "Function.ResponseSizeTooLarge",
                    "Response payload size exceeded maximum allowed payload size "
                    f"({MAX_RESPONSE_BYTES} bytes).",
                )
            case End.INIT_ERROR if self._api.init_error is not None:
                return self._api.init_error, True
            case End.TIMED_OUT:
                kind, message = (
                    "Sandbox.Timedout",
                    f"Task timed out after {self._config.timeout:.2f} seconds",
                )
            case End.OUT_OF_MEMORY:
                kind, message = (
                    "Runtime.OutOfMemory",
                    "Runtime exited with error: signal: killed",
                )
            case _:
                kind, message = "Runtime.ExitError", _exit_message(self._process.return_code)
        return _error(kind, f"RequestId: {request_id} Error: {message}")

    def _report(self, request_id: str, end: End, duration_ms: float, init_ms: float | None) -> str:
        """The invocation's log as CloudWatch shows it."""
        fields = [
            f"REPORT RequestId: {request_id}",
            f"Duration: {duration_ms:.2f} ms",
            f"Billed Duration: {int(duration_ms) + 1} ms",
            f"Memory Size: {self._config.memory_size} MB",
            f"Max Memory Used: {round(self._peak_mb)} MB",
        ]
        if init_ms is not None:
            fields.append(f"Init Duration: {init_ms:.2f} ms")
        if end is not End.OK:
            fields.append(f"Status: {'timeout' if end is End.TIMED_OUT else 'error'}")
        return (
            f"START RequestId: {request_id} Version: {self.function_version.id.qualifier}\n"
            f"{self._process.take_log()}"
            f"END RequestId: {request_id}\n" + "\t".join(fields) + "\n"
        )


def _error(kind: str, message: str) -> tuple[bytes, bool]:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode(), True


def _exit_message(return_code: int | None) -> str:
    if not return_code:
        return "Runtime exited without providing a reason"
    if return_code > 0:
        return f"Runtime exited with error: exit status {return_code}"
    name = signal.Signals(-return_code).name.removeprefix("SIG").lower()
    return f"Runtime exited with error: signal: {'killed' if name == 'kill' else name}"
