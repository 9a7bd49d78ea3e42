"""What the launcher does before anything else, and what it tells when all is up."""

import re
import shlex
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from auth_service.schemas import RegisterRequest
from goldalert_local import __main__ as launcher
from goldalert_local.errors import StackError
from goldalert_local.invoke import Answer
from goldalert_local.profiles import PROFILES, ROOT

NOBODY = "http://127.0.0.1:1"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("given", ["", "corp.example", "*"])
@pytest.mark.parametrize("variable", ["no_proxy", "NO_PROXY"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_is_reached_without_the_caller_s_proxy(
    host: str, variable: str, given: str, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv(variable, given)
    monkeypatch.setenv("http_proxy", NOBODY)
    monkeypatch.setattr(launcher, "STOP_SIGNALS", ())
    monkeypatch.setattr("sys.argv", ["goldalert_local", "invoke", "any"])

    def ask(*_: object) -> int:
        with urllib.request.urlopen(f"http://{host}:{port}") as answer:
            return int(answer.status)

    monkeypatch.setattr(launcher, "invoke_once", ask)
    assert launcher.main() == 204
    assert urllib.request.proxy_bypass("corp.example") is bool(given)


def routes() -> set[tuple[str, str]]:
    sources = [path.read_text() for path in ROOT.glob("functions/*/handlers/api.py")]
    return {route for text in sources for route in re.findall(r'@app\.(\w+)\("([^"]+)"', text)}


def test_every_request_of_the_welcome_text_is_one_that_the_api_takes() -> None:
    profile = PROFILES["run"]
    text = launcher.welcome(profile).replace("\\\n", "")
    commands = re.findall(r"curl .*", text)
    assert len(commands) == 3
    requests = {("get", "/docs")}
    for command in commands:
        # an unquoted question mark is a pattern to zsh
        assert "?" not in re.sub(r"'[^']*'", "", command)
        _, url, *options = shlex.split(command)
        path = url.removeprefix(profile.api_url).partition("?")[0]
        requests.add(("post" if "-d" in options else "get", path))
        if "-d" in options:
            RegisterRequest.model_validate_json(options[options.index("-d") + 1])
    assert f"{profile.api_url}/docs" in text
    assert requests <= routes()


def test_making_an_admin_prints_the_link_and_until_when_it_is_good(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """S10."""
    answer = Answer(
        failed=False,
        payload='{"link": "http://x/reset?token=t", "expires_at": "2026-11-24T13:00:00Z"}',
        log_tail="a log line",
    )
    asked: list[tuple[str, bytes]] = []
    monkeypatch.setattr(launcher, "aws_of", lambda _: None)
    monkeypatch.setattr(launcher, "full_name", lambda _, name: name)
    monkeypatch.setattr(launcher, "invoke", lambda _, *call: asked.append(call) or answer)
    assert launcher.make_admin(PROFILES["run"], "ada@example.com") == 0
    assert asked == [("auth-service-grant-admin", b'{"email": "ada@example.com"}')]
    assert capsys.readouterr().out == (
        "http://x/reset?token=t\n(valid until 2026-11-24T13:00:00Z)\n"
    )


def test_what_no_admin_can_be_made_of_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Answer(failed=True, payload='{"errorMessage": "not an address"}', log_tail="")
    monkeypatch.setattr(launcher, "aws_of", lambda _: None)
    monkeypatch.setattr(launcher, "full_name", lambda _, name: name)
    monkeypatch.setattr(launcher, "invoke", lambda *_: answer)
    with pytest.raises(StackError, match="not an address"):
        launcher.make_admin(PROFILES["run"], "nobody")
