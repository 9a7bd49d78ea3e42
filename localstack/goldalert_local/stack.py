"""Starts a whole local stack, watches over it, and ends it without leaving anything behind."""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import psutil
from botocore.exceptions import BotoCoreError, ClientError

from goldalert_local import queues
from goldalert_local.aws import Aws
from goldalert_local.credentials import DATABASES, Credentials, write_private
from goldalert_local.deploy import deploy
from goldalert_local.errors import StackError
from goldalert_local.invoke import invoke, schedule_event
from goldalert_local.localstack_server import LocalStackServer
from goldalert_local.processes import end_all, family_of, require_free_port, with_parent
from goldalert_local.profiles import (
    ACCOUNT_ID,
    REGION,
    ROOT,
    STACK_NAME,
    STACKS,
    STAGE,
    Profile,
)
from goldalert_local.stores.external import empty_postgres, empty_redis
from goldalert_local.stores.postgres import EmbeddedPostgres, PostgresAddress, external_address
from goldalert_local.stores.redis import FAKE_WARNING, EmbeddedRedis, external_url

MIGRATE = f"{STACK_NAME}-migrator-migrate"
SEED_HISTORY = f"{STACK_NAME}-price-service-seed-history"
FETCH_PRICE = f"{STACK_NAME}-price-service-scheduled-fetch-price"
HEALTH_SECONDS = 60


class Stack:
    """One local stack: `start`, then `watch` again and again, then `stop`."""

    def __init__(self, profile: Profile, *, keep_state: bool) -> None:
        self._profile = profile
        self._keep_state = keep_state
        self._directory = profile.state_dir
        self._logs = self._directory / "logs"
        self._undelivered = self._directory / "undelivered.json"
        self._lock: TextIO | None = None
        self._stores: list[EmbeddedPostgres | EmbeddedRedis] = []
        self._localstack: LocalStackServer | None = None
        self._aws: Aws | None = None
        self._facts: dict[str, Any] = {}

    def start(self) -> None:
        """Bring everything up; when a step fails, `stop` ends what was begun."""
        self._take_directory()
        require_free_port(self._profile.api_port, "API_PORT")
        require_free_port(self._profile.aws_port, "AWS_PORT")
        credentials = Credentials.load_or_make(self._directory / "secrets.json")
        # The slow starter first: the stores and the build use the time it takes.
        self._localstack = LocalStackServer(self._profile, self._logs)
        self._localstack.start()
        with step("stores"):
            postgres, redis_url = self._start_stores(credentials)
        with step("build"):
            build()
        with step("LocalStack"):
            self._localstack.wait()
            aws = Aws(self._profile.aws_endpoint_url)
        try:
            with step("secrets"):
                for name, content in credentials.aws_secrets(postgres, redis_url).items():
                    aws.secretsmanager.create_secret(Name=name, SecretString=json.dumps(content))
            with step("deploy"):
                parameters = self._profile.template_parameters()
                outputs = deploy(aws, parameters, self._directory / "code")
            with step("migrate"):
                call(aws, MIGRATE)
            with step("history"):
                call(aws, SEED_HISTORY)
            if not self._profile.price_sources:
                # the schedule fires for the first time only after its whole period
                with step("first price"):
                    call(aws, FETCH_PRICE, schedule_event())
            with step("undelivered"):
                queues.restore(aws, self._undelivered)
                # From here on the queues hold what must not be lost.
                self._aws = aws
            with step("health"):
                wait_for_health(f"{self._profile.api_url}/health")
        except (BotoCoreError, ClientError) as error:
            if not self._localstack.alive():
                raise StackError(self._localstack.why_it_ended()) from error
            raise StackError(f"{error} (LocalStack's log is {self._localstack.log})") from error
        self._facts = {
            "name": self._profile.name,
            "stage": STAGE,
            "api_url": self._profile.api_url,
            "aws_endpoint_url": self._profile.aws_endpoint_url,
            "region": REGION,
            "account_id": ACCOUNT_ID,
            "outputs": outputs,
            "postgres": {
                "host": postgres.host,
                "port": postgres.port,
                "user": postgres.user,
                "password": postgres.password,
            },
            "redis_url": redis_url,
            "state_dir": str(self._directory),
        }
        self._write_facts()

    def watch(self) -> None:
        """Start a store again that has ended; without LocalStack there is no stack any more."""
        if self._localstack is None or not self._localstack.alive():
            raise StackError(f"LocalStack has ended, its log is {self._logs / 'localstack.log'}")
        for store in self._stores:
            if not store.alive():
                store.start()
                store.wait()
                self._note_processes()
                self._write_facts()

    def stop(self) -> None:
        """End every process; first save what is still in the queues."""
        if self._lock is None:
            return  # the stack is another launcher's
        say("Stopping")
        # The last one first, and each of them whatever happens to the one before.
        with contextlib.ExitStack() as way_down:
            way_down.callback(self._leave_directory, self._lock)
            for store in self._stores:
                way_down.callback(store.stop)
            if self._localstack:
                way_down.callback(self._localstack.stop)
            self._profile.stack_file.unlink(missing_ok=True)
            self._save_queues()

    def _save_queues(self) -> None:
        if self._aws and self._localstack and self._localstack.alive():
            try:
                queues.stand_still(self._aws)
                queues.save(self._aws, self._undelivered)
            except (BotoCoreError, ClientError, OSError) as error:
                say(f"what was in the queues could not be saved: {error}")

    def _leave_directory(self, lock: TextIO) -> None:
        (self._directory / "processes.json").unlink(missing_ok=True)
        lock.truncate(0)
        lock.close()
        self._lock = None

    def _take_directory(self) -> None:
        """Make the state folder this launcher's alone, and end what an earlier one left."""
        STACKS.mkdir(parents=True, exist_ok=True)
        lock = (STACKS / f"{self._profile.name}.lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            with lock:
                lock.seek(0)
                holder = lock.read().strip()
            raise StackError(
                f"stack {self._profile.name} is running already (process {holder}): stop that first"
            ) from error
        self._lock = lock
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        end_all(leftovers(self._directory / "processes.json"))
        if not self._keep_state:
            shutil.rmtree(self._directory, ignore_errors=True)
        self._directory.mkdir(mode=0o700, exist_ok=True)
        shutil.rmtree(self._logs, ignore_errors=True)
        self._logs.mkdir()

    def _start_stores(self, credentials: Credentials) -> tuple[PostgresAddress, str]:
        if url := os.environ.get("DATABASE_URL"):
            address = external_address(url)
            if not self._keep_state:
                empty_postgres(address, {database for database, _ in DATABASES.values()})
        else:
            postgres = EmbeddedPostgres(
                self._directory / "postgres", self._logs, credentials.postgres_password
            )
            self._stores.append(postgres)
            address = postgres.address
        if url := os.environ.get("REDIS_URL"):
            redis_url = external_url(url)
            if not self._keep_state:
                empty_redis(redis_url, {number for _, number in DATABASES.values()})
        else:
            redis = EmbeddedRedis(self._directory / "redis", self._logs, credentials.redis_password)
            if redis.is_fake:
                say(FAKE_WARNING)
            self._stores.append(redis)
            redis_url = redis.url
        for store in self._stores:
            store.start()
        self._note_processes()
        for store in self._stores:
            store.wait()
        return address, redis_url

    def _pids(self) -> dict[str, int]:
        pids = {store.name: store.pid for store in self._stores}
        if self._localstack:
            pids["localstack"] = self._localstack.pid
        return {name: pid for name, pid in pids.items() if pid is not None}

    def _note_processes(self) -> None:
        """For the next start, should this one be killed where the kernel does not end children."""
        noted = []
        for pid in self._pids().values():
            with contextlib.suppress(psutil.NoSuchProcess):
                noted.append([pid, psutil.Process(pid).create_time()])
        write_private(self._directory / "processes.json", json.dumps(noted))

    def _write_facts(self) -> None:
        if self._facts:
            self._facts["pids"] = {"launcher": os.getpid(), **self._pids()}
            write_private(self._profile.stack_file, json.dumps(self._facts, indent=2))


def leftovers(noted: Path) -> list[psutil.Process]:
    """The processes of a launcher that was killed, as far as they still run."""
    if not noted.exists():
        return []
    found = []
    for pid, create_time in json.loads(noted.read_text()):
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            # a number may have been given to another process since
            if process.create_time() == create_time:
                found += [*family_of(pid), process]
    return found


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextlib.contextmanager
def step(name: str) -> Iterator[None]:
    """Show what is being done, and how long it took."""
    print(f"  {name:<12}", end="", file=sys.stderr, flush=True)
    started = time.monotonic()
    try:
        yield
    except BaseException:
        say(" stopped")
        raise
    say(f" {time.monotonic() - started:5.1f} s")


def build() -> None:
    command = [sys.executable, str(ROOT / "infra" / "build.py")]
    result = subprocess.run(  # noqa: S603  # the command is our own
        with_parent(command, death_signal=signal.SIGTERM),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode:
        raise StackError(f"the build failed: {result.stdout.strip()}")


def call(aws: Aws, function: str, event: Mapping[str, Any] | None = None) -> None:
    """Invoke a function that must succeed for the stack to be of use."""
    answer = invoke(aws, function, json.dumps(event or {}).encode())
    if answer.failed:
        message = json.loads(answer.payload).get("errorMessage", answer.payload)
        raise StackError(f"{function} failed: {message}\n{answer.log_tail}")


def wait_for_health(url: str) -> None:
    deadline = time.monotonic() + HEALTH_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10):  # noqa: S310  # this stack's own URL
                return
        except urllib.error.HTTPError as error:
            seen = f"{error.code} {error.read(300).decode(errors='replace')}"
        except OSError as error:
            seen = str(error)
        if time.monotonic() > deadline:
            raise StackError(f"{url} does not say that all is well: {seen}")
        time.sleep(0.2)
