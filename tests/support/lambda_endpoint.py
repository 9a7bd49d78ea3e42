"""Lambda's own API on a local socket: it answers, fails or hangs as a test says."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
from botocore.config import Config

from tests.support.invocations import Context


class LambdaEndpoint:
    """Runs `handler` for every `Invoke`.

    `states` says how it goes: ok, failing, throttling or hanging; the last one lasts.
    """

    def __init__(self, handler: Callable[[dict[str, Any], Any], Any]) -> None:
        self.handler = handler
        self.states = ["ok"]
        self.invoked: list[str] = []
        self.released = threading.Event()

    def answer(self, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        self.invoked.append(path.split("/")[3])
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if state == "hanging":
            self.released.wait(30)
        if state == "throttling":
            return 429, {"x-amzn-ErrorType": "TooManyRequestsException"}, b"{}"
        if state == "failing":
            return 500, {"x-amzn-ErrorType": "ServiceException"}, b"{}"
        try:
            return 200, {}, json.dumps(self.handler(json.loads(body), Context())).encode()
        except Exception as error:
            told = {"errorMessage": str(error), "errorType": type(error).__name__}
            return 200, {"X-Amz-Function-Error": "Unhandled"}, json.dumps(told).encode()


@contextmanager
def serve_lambda(endpoint: LambdaEndpoint) -> Iterator[Any]:
    """Serve an endpoint; lend a client of it, which waits for 0.3 s and tries twice."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers, answer = endpoint.answer(self.path, body)
            try:
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)
            except ConnectionError:
                self.close_connection = True  # the client did not wait

        def log_message(self, format: str, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    client = boto3.client(
        "lambda",
        endpoint_url=f"http://127.0.0.1:{server.server_port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(
            connect_timeout=1,
            read_timeout=0.3,
            retries={"mode": "standard", "total_max_attempts": 2},
            proxies={},
        ),
    )
    try:
        yield client
    finally:
        client.close()
        endpoint.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
