"""The Lambda Runtime API (2018-06-01): how AWS's runtime client in a function's process gets its
invocations and gives back the results. One server, on a port of its own, per execution environment.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_PREFIX = "/2018-06-01/runtime/"


@dataclass(frozen=True)
class Result:
    """What the function gave back for one request; an error's payload is AWS's error JSON."""

    request_id: str
    payload: bytes
    is_error: bool


class RuntimeApi:
    """Serves one runtime process at a time; `begin` is called before each new process."""

    def __init__(self) -> None:
        self.idle = False
        self.init_error: bytes | None = None
        self.result: Result | None = None
        self._changed = threading.Condition()
        self._pending: tuple[Mapping[str, str], bytes] | None = None
        self._generation = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def begin(self) -> None:
        """Forget the previous process; its poll, if it still hangs, gets no answer."""
        with self._changed:
            self._generation += 1
            self._pending = self.init_error = self.result = None
            self.idle = False
            self._changed.notify_all()

    def send(self, headers: Mapping[str, str], payload: bytes) -> None:
        """Hand an invocation to the runtime process."""
        with self._changed:
            self.result = None
            self._pending = (headers, payload)
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Wait at most `timeout` seconds for a condition on what the runtime process reported."""
        with self._changed:
            return self._changed.wait_for(condition, timeout)

    def close(self) -> None:
        self.begin()
        self._server.shutdown()
        self._server.server_close()

    def next_invocation(self) -> tuple[Mapping[str, str], bytes] | None:
        """Block until there is an invocation; None when the process that asks was replaced."""
        with self._changed:
            generation = self._generation
            self.idle = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._pending or self._generation != generation)
            if self._generation != generation:
                return None
            invocation, self._pending = self._pending, None
            self.idle = False
            return invocation

    def record(self, *, result: Result | None = None, init_error: bytes | None = None) -> None:
        with self._changed:
            if result:
                self.result = result
            else:
                self.init_error = init_error
            self._changed.notify_all()


def _handler_for(api: RuntimeApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            if self.path != f"{_PREFIX}invocation/next":
                self._answer(HTTPStatus.NOT_FOUND)
            elif invocation := api.next_invocation():
                self._answer(HTTPStatus.OK, *invocation)
            else:
                self.close_connection = True

        def do_POST(self) -> None:
            payload = self._read_body()
            match self.path.removeprefix(_PREFIX).split("/"):
                case ["init", "error"]:
                    api.record(init_error=payload)
                case ["invocation", request_id, "response" | "error" as kind]:
                    api.record(result=Result(request_id, payload, is_error=kind == "error"))
                case _:
                    return self._answer(HTTPStatus.NOT_FOUND)
            self._answer(HTTPStatus.ACCEPTED, payload=b'{"status":"OK"}')

        def _read_body(self) -> bytes:
            if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)

        def _answer(
            self,
            status: HTTPStatus,
            headers: Mapping[str, str] | None = None,
            payload: bytes = b"",
        ) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_args: object) -> None:
            """The base class writes every request to stderr."""

    return Handler
