"""python -m goldalert_local up|exec|invoke|admin|rotate-keys: a stack, from start to stop."""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from botocore.exceptions import BotoCoreError, ClientError

from goldalert_local.aws import ENVIRONMENT, Aws
from goldalert_local.errors import StackError
from goldalert_local.invoke import full_name, invoke, pretty
from goldalert_local.processes import with_parent
from goldalert_local.profiles import PROFILES, Profile
from goldalert_local.rotate_keys import KeptSecrets
from goldalert_local.stack import Stack, say
from infra.rotate_keys import STARTED, rotate

WATCH_SECONDS = 0.2
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 128 + signal.SIGINT


def bypass_proxy() -> None:
    """Let this process and its children reach their own machine without the caller's proxy."""
    given = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if given != "*":
        given = ",".join(filter(None, (given, "127.0.0.1", "localhost")))
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = given


def interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def running(profile: Profile, *, keep_state: bool) -> Iterator[Stack]:
    """A started stack, which is stopped whatever happens."""
    started = time.monotonic()
    say(f"Starting stack {profile.name}")
    stack = Stack(profile, keep_state=keep_state)
    try:
        stack.start()
        say(f"Ready after {time.monotonic() - started:.0f} s")
        yield stack
    finally:
        # A second Ctrl-C would lose what is being saved; the way down takes seconds.
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        stack.stop()


def up(profile: Profile, *, keep_state: bool) -> int:
    with running(profile, keep_state=keep_state) as stack:
        say(welcome(profile))
        # the usual end
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                stack.watch()
                time.sleep(WATCH_SECONDS)
    return 0


def execute(profile: Profile, command: list[str], *, keep_state: bool) -> int:
    with running(profile, keep_state=keep_state) as stack:
        environment = {
            **os.environ,
            **ENVIRONMENT,
            "AWS_ENDPOINT_URL": profile.aws_endpoint_url,
            "STACK_FILE": str(profile.stack_file),
        }
        process = subprocess.Popen(  # noqa: S603  # running it is what this command is for
            with_parent(command, death_signal=signal.SIGTERM), env=environment
        )
        try:
            while process.poll() is None:
                stack.watch()
                time.sleep(WATCH_SECONDS)
        finally:
            process.terminate()
            process.wait()
        return process.returncode


def aws_of(profile: Profile) -> Aws:
    """The AWS of a running stack."""
    if not profile.stack_file.exists():
        raise StackError(f"stack {profile.name} is not running: start it with make run")
    return Aws(json.loads(profile.stack_file.read_text())["aws_endpoint_url"])


def rotate_keys(profile: Profile) -> int:
    aws = aws_of(profile)
    say(STARTED)
    try:
        kid = rotate(KeptSecrets(aws, profile.state_dir))
    except (BotoCoreError, ClientError) as error:
        raise StackError(str(error)) from error
    say(f"Tokens are signed with the key {kid} now.")
    return 0


def make_admin(profile: Profile, email: str) -> int:
    aws = aws_of(profile)
    try:
        answer = invoke(
            aws,
            full_name(aws, "auth-service-grant-admin"),
            json.dumps({"email": email}).encode(),
        )
    except (BotoCoreError, ClientError) as error:
        raise StackError(str(error)) from error
    if answer.failed:
        raise StackError(f"no admin was made: {json.loads(answer.payload)['errorMessage']}")
    granted = json.loads(answer.payload)
    print(f"{granted['link']}\n(valid until {granted['expires_at']})")
    return 0


def invoke_once(profile: Profile, function: str, event: Path | None) -> int:
    aws = aws_of(profile)
    try:
        name = full_name(aws, function)
        answer = invoke(aws, name, event.read_bytes() if event else b"{}")
    except (BotoCoreError, ClientError, OSError) as error:
        raise StackError(str(error)) from error
    say(answer.log_tail)
    print(pretty(answer.payload))
    return int(answer.failed)


def welcome(profile: Profile) -> str:
    api = profile.api_url
    return f"""
API          {api}    (documentation: {api}/docs)
AWS          {profile.aws_endpoint_url}    (mails: {profile.aws_endpoint_url}/_aws/ses)
State, logs  {profile.state_dir}

Try          curl {api}/health
             curl '{api}/price/current?currency=USD'
             curl {api}/auth/register -H 'content-type: application/json' \\
               -d '{{"email": "you@example.com", "password": "a long and private sentence"}}'
Ctrl-C stops everything.
"""


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m goldalert_local")
    commands = parser.add_subparsers(dest="action", required=True)
    parsers = {
        "up": commands.add_parser("up", help="start a stack and keep it until Ctrl-C"),
        "exec": commands.add_parser("exec", help="start a stack, run a command, stop the stack"),
    }
    for command in parsers.values():
        command.add_argument("name", choices=PROFILES)
        command.add_argument("--keep", action="store_true", help="keep the state of earlier runs")
    parsers["exec"].add_argument("command", nargs="+", metavar="-- COMMAND")
    invocation = commands.add_parser("invoke", help="invoke a function of a running stack")
    invocation.add_argument("function")
    invocation.add_argument("event", nargs="?", type=Path)
    rotation = commands.add_parser("rotate-keys", help="have a running stack sign with a new key")
    admin = commands.add_parser("admin", help="make an admin on a running stack")
    admin.add_argument("email")
    for command in (invocation, rotation, admin):
        command.add_argument("--stack", dest="name", choices=PROFILES, default="run")
    return parser.parse_args(arguments)


def main() -> int:
    bypass_proxy()
    options = parse(sys.argv[1:])
    profile = PROFILES[options.name]
    for number in STOP_SIGNALS:
        signal.signal(number, interrupt)
    try:
        if options.action == "invoke":
            return invoke_once(profile, options.function, options.event)
        if options.action == "admin":
            return make_admin(profile, options.email)
        if options.action == "rotate-keys":
            return rotate_keys(profile)
        keep_state = profile.keeps_state or options.keep
        if options.action == "up":
            return up(profile, keep_state=keep_state)
        return execute(profile, options.command, keep_state=keep_state)
    except StackError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
