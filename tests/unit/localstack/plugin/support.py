"""A real LocalStack with the plugin, and the functions deployed to it."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import requests

ROOT = Path(__file__).parents[4]
LAMBDA_INTERPRETER = ROOT / ".local" / "envs" / "lambda" / "bin" / "python"
ROLE = "arn:aws:iam::000000000000:role/lab"
PROCESSES_PER_FUNCTION = 2
API, STAGE = "shop", "local"


def eventually[T](look: Callable[[], T], seconds: float = 60) -> T:
    """What `look` sees, as soon as it sees something."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.02)
    return seen


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def zipped(files: dict[str, str]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as bundle:
        for name, text in files.items():
            bundle.writestr(name, text)
    return archive.getvalue()


@dataclass
class LocalStack:
    """A LocalStack of our own on free ports of the loopback interface."""

    folder: Path
    port: int = field(default_factory=free_port)
    front_door_port: int = field(default_factory=free_port)
    command: tuple[str, ...] = ("-m", "localstack.runtime.main")

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def front_door(self) -> str:
        return f"http://127.0.0.1:{self.front_door_port}"

    def start(self) -> None:
        (self.folder / "tmp").mkdir(parents=True)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(  # noqa: S603  # our own command
                [sys.executable, *self.command], env=self._env(), stdout=log, stderr=log
            )

    def wait_until_up(self) -> None:
        eventually(self._is_up, seconds=60)

    def _is_up(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return requests.get(f"{self.url}/_localstack/health", timeout=5).ok
        except requests.ConnectionError:
            return False

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        finally:
            self.process.kill()

    def _env(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder / "tmp"),
            "FILESYSTEM_ROOT": str(self.folder),
            "LOCALSTACK_VOLUME_DIR": str(self.folder / "volume"),
            "GATEWAY_SERVER": "hypercorn",
            "GATEWAY_LISTEN": f"127.0.0.1:{self.port}",
            "LOCALSTACK_HOST": f"127.0.0.1:{self.port}",
            "FRONT_DOOR_LISTEN": f"127.0.0.1:{self.front_door_port}",
            "FRONT_DOOR_API": API,
            "FRONT_DOOR_STAGE": STAGE,
            "LAMBDA_RUNTIME_EXECUTOR": "process",
            "LAMBDA_PROCESS_PYTHON3_13": str(LAMBDA_INTERPRETER),
            "LAMBDA_PROCESS_MAX_PER_FUNCTION": str(PROCESSES_PER_FUNCTION),
            "SQS_ENDPOINT_STRATEGY": "path",
            "DISABLE_EVENTS": "1",
            "DNS_ADDRESS": "0",
            "SKIP_SSL_CERT_DOWNLOAD": "1",
            "LS_LOG": "warn",
            "NOT_FOR_FUNCTIONS": "LocalStack's own environment",
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def deploy_stack(self, name: str, template: str) -> dict[str, str]:
        """Deploy through CloudFormation; the stack's outputs."""
        client = self.client("cloudformation")
        client.create_stack(
            StackName=name,
            TemplateBody=template,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        )

        def finished() -> dict[str, Any] | None:
            stack: dict[str, Any] = client.describe_stacks(StackName=name)["Stacks"][0]
            return None if stack["StackStatus"].endswith("_IN_PROGRESS") else stack

        stack = eventually(finished, seconds=60)
        assert stack["StackStatus"] == "CREATE_COMPLETE", [
            (event["LogicalResourceId"], event.get("ResourceStatusReason"))
            for event in client.describe_stack_events(StackName=name)["StackEvents"]
            if event["ResourceStatus"].endswith("FAILED")
        ]
        return {out["OutputKey"]: out["OutputValue"] for out in stack.get("Outputs", [])}

    def delete_stack(self, name: str) -> None:
        client = self.client("cloudformation")
        stack_id = client.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        client.delete_stack(StackName=stack_id)

        def status() -> str:
            return str(client.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"])

        eventually(lambda: not status().endswith("_IN_PROGRESS"), seconds=60)
        assert status() == "DELETE_COMPLETE"

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


@dataclass
class Shop:
    """The API that shop.yaml deploys."""

    url: str
    answer_before_deployment: requests.Response

    def get(self, path: str, words: str | None = None, **options: Any) -> requests.Response:
        """GET with the words that tell the authorizer what to do."""
        headers = {"Authorization": words} if words else {}
        headers |= options.pop("headers", {})
        return requests.get(f"{self.url}{path}", headers=headers, timeout=30, **options)


@dataclass
class Function:
    """A deployed function of the process executor."""

    client: Any
    name: str

    def invoke(self, **event: object) -> Any:
        """The function's result, which must not be an error."""
        error, payload = self.attempt(**event)
        assert error is None, payload
        return payload

    def attempt(self, **event: object) -> tuple[str | None, Any]:
        answer = self.client.invoke(FunctionName=self.name, Payload=json.dumps(event))
        return answer.get("FunctionError"), json.loads(answer["Payload"].read())


type Deploy = Callable[..., Function]

LAB_CODE = (Path(__file__).with_name("lab.py")).read_text()


def create_function(
    client: Any,
    name: str,
    code: str = LAB_CODE,
    *,
    timeout: int = 10,
    memory: int = 256,
    **settings: Any,
) -> None:
    """Create a function and wait until it can be invoked."""
    client.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="lab.handler",
        Role=ROLE,
        Code={"ZipFile": zipped({"lab.py": code})},
        Timeout=timeout,
        MemorySize=memory,
        **settings,
    )

    def is_active() -> bool:
        configuration = client.get_function_configuration(FunctionName=name)
        assert configuration["State"] != "Failed", configuration["StateReason"]
        return bool(configuration["State"] == "Active")

    eventually(is_active)
