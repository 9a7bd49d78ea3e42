"""What the launcher does before anything else."""

import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from goldalert_local import __main__ as launcher

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
