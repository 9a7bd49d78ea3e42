"""A server that answers as the price sources do, and fails as they can, over a real socket."""

import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from uuid import UUID

from goldalert.cache.client import RedisDatabase
from price_service.domain.model import Answer, Exchange
from price_service.gateways.adapters import ADAPTERS
from price_service.gateways.keys import SourceKey, SourceKeys
from price_service.gateways.outgoing import OutgoingHttp
from price_service.gateways.sources import HttpPriceSource

SHAPES = Path(__file__).parent / "provider_shapes"

GOLD_API_COM = "/price/XAU"
SWISSQUOTE = "/public-quotes/bboquotes/instrument/XAU/USD"
COINBASE = "/v2/exchange-rates"
GOLDAPI_IO = "/api/XAU/USD"
METALS_DEV = "/metals-dev/v1/latest"
METALPRICEAPI = "/metalpriceapi/v1/latest"
FRANKFURTER = "/v1/latest"
ECB = "/stats/eurofxref/eurofxref-daily.xml"

PATHS = {
    "gold_api_com": GOLD_API_COM,
    "swissquote": SWISSQUOTE,
    "coinbase": COINBASE,
    "goldapi_io": GOLDAPI_IO,
    "metals_dev": METALS_DEV,
    "metalpriceapi": METALPRICEAPI,
}
"""Of the sources of prices, by adapter."""

KEYED = frozenset(name for name, adapter in ADAPTERS.items() if adapter.keyed)
KEY = "s3cret/key+of&a=source"

_PREFIXES = {"metals_dev": "/metals-dev", "metalpriceapi": "/metalpriceapi"}
"""Stand before the path of a source that has it in common with another one."""

Behaviour = Callable[["_Handler"], None]


def shape(name: str) -> bytes:
    """Return a provider's answer as its documentation shows it."""
    return (SHAPES / name).read_bytes()


def answer(
    body: bytes | str | object, *, status: int = 200, headers: dict[str, str] | None = None
) -> Behaviour:
    """Answer with a body; anything but bytes or text is sent as JSON."""
    if isinstance(body, bytes):
        content = body
    else:
        content = (body if isinstance(body, str) else json.dumps(body)).encode()

    def behave(handler: "_Handler") -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content)

    return behave


def redirect(location: str) -> Behaviour:
    return answer("", status=302, headers={"Location": location})


def cut_off(body: bytes) -> Behaviour:
    """Promise the whole body, send half of it and hang up."""

    def behave(handler: "_Handler") -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: len(body) // 2])

    return behave


def hang(handler: "_Handler") -> None:
    """Take the request and never answer."""
    handler.source.stopped.wait()


def drip_headers(handler: "_Handler") -> None:
    """Send a header a byte at a time, often enough that no read ever times out."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    _drip(handler)


def drip_body(handler: "_Handler") -> None:
    """Send a body of unknown length a byte at a time."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    _drip(handler)


def _drip(handler: "_Handler") -> None:
    while not handler.source.stopped.wait(0.02):
        handler.wfile.write(b" ")
        handler.wfile.flush()


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """Behave another way each time; the last one stays."""
    left = list(behaviours)

    def behave(handler: "_Handler") -> None:
        (left.pop(0) if len(left) > 1 else left[0])(handler)

    return behave


class _Handler(BaseHTTPRequestHandler):
    source: "PriceSources"

    def do_GET(self) -> None:
        self.source.requests.append(self.path)
        self.source.headers.append(dict(self.headers))
        behave = self.source.behaviours.get(self.path.partition("?")[0], answer("", status=404))
        self.close_connection = True
        try:
            behave(self)
        except OSError:
            pass  # the client has hung up, which is what some tests are about

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


class _Server(ThreadingHTTPServer):
    # a server that waits for its hanging threads would hang itself
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """Keep quiet about clients that hang up, such as in the middle of a handshake."""


class PriceSources:
    """All sources on one port. A test sets how each path behaves."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.behaviours: dict[str, Behaviour] = {}
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.stopped = Event()

    def behave(self, path: str, behaviour: Behaviour) -> None:
        self.behaviours[path] = behaviour


@contextmanager
def serve_price_sources(tls: ssl.SSLContext | None = None) -> Iterator[PriceSources]:
    """Serve on a free port of the loopback address until the block ends."""
    handler = type("Handler", (_Handler,), {})
    server = _Server(("127.0.0.1", 0), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    scheme = "https" if tls else "http"
    sources = PriceSources(f"{scheme}://127.0.0.1:{server.server_port}")
    handler.source = sources
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield sources
    finally:
        sources.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()


RECEIVED = datetime(2026, 8, 18, 13, 30, tzinfo=UTC)


class NoCircuits:
    """Asks whatever happened before."""

    def ask[Answer](self, _: str, ask: Callable[[], Answer]) -> Answer:
        return ask()

    ask_anyway = ask


NO_KEYS = SourceKeys(dict, RedisDatabase("redis://127.0.0.1:1/2"))


class StandingClock:
    def now(self) -> datetime:
        return RECEIVED


def exchange_at(sources: PriceSources, adapter: str, **changes: object) -> Exchange:
    """The row of a source that is on the test's own server."""
    fields: dict[str, object] = {
        "id": UUID(int=1),
        "name": adapter,
        "region": "world",
        "api_url": sources.url + _PREFIXES.get(adapter, ""),
        "adapter": adapter,
        "upstream": f"{adapter} upstream",
        "priority": 1,
        "enabled": True,
    }
    return Exchange(**fields | changes)  # type: ignore[arg-type] # a test knows what it changes


def fetch(
    sources: PriceSources, adapter: str, *, seconds: float = 5, http: OutgoingHttp | None = None
) -> Answer:
    """Ask one source, with a key if it wants one."""
    source = HttpPriceSource(
        exchange_at(sources, adapter),
        http or OutgoingHttp(allow_loopback=True),
        StandingClock(),
        NoCircuits(),
        key=SourceKey(key=KEY) if adapter in KEYED else None,
    )
    return source.fetch(time.monotonic() + seconds)
