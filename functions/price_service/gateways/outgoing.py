"""One GET to a third party, within a deadline, that can reach public addresses only.

http.client and not urllib3: the time-outs of the latter are per read, so that a server that drips
a byte at a time holds a caller for ever. Here the socket is shut at the deadline, whatever it does.
"""

import socket
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from ipaddress import ip_address, ip_network
from threading import Thread, Timer
from urllib.parse import SplitResult, urlsplit

from tenacity import (
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from price_service.domain.model import Reason

MAX_BODY_BYTES = 256 * 1024
_ATTEMPTS = 3

_LEAD_INSIDE = [ip_network(network) for network in ("64:ff9b::/96", "::/96", "fec0::/10")]
"""What `is_global` lets pass: IPv4 behind a NAT64 gateway or in IPv6's own form, and site-local."""


class RefusedError(Exception):
    """A third party gave nothing of use.

    Attributes:
        reason: why.
        detail: more about it, for people.
        passing: whether a second try has a chance.
        status: of its answer, where that was the reason.
        retry_after: the seconds for which it wants to be left alone, where it says so.
    """

    def __init__(
        self,
        reason: Reason,
        detail: str = "",
        *,
        passing: bool = False,
        status: int | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.passing = passing
        self.status = status
        self.retry_after = retry_after


class OutgoingHttp:
    """GETs over verified TLS, without redirects, from public addresses only (S12).

    Args:
        allow_loopback: let plain HTTP to this machine pass too; on the local machine only.
        tls: what certificates are verified with; by default the system's authorities.
    """

    def __init__(self, *, allow_loopback: bool = False, tls: ssl.SSLContext | None = None) -> None:
        self.allow_loopback = allow_loopback
        self._given_tls = tls

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return self._given_tls or ssl.create_default_context()

    def get(self, url: str, deadline: float, *, headers: Mapping[str, str] | None = None) -> bytes:
        """Return the body of a 200. What may pass is tried again, a little later each time.

        Args:
            url: absolute.
            deadline: on the monotonic clock.
            headers: to send beside our own.

        Raises:
            RefusedError: there is none, or no such answer in time.
        """
        attempts = Retrying(
            retry=retry_if_exception(lambda e: isinstance(e, RefusedError) and e.passing),
            stop=stop_after_attempt(_ATTEMPTS) | stop_before_delay(deadline - time.monotonic()),
            wait=wait_random_exponential(multiplier=0.1, max=1),
            reraise=True,
        )
        return attempts(self._get_once, url, deadline, headers or {})

    def _get_once(self, url: str, deadline: float, headers: Mapping[str, str]) -> bytes:
        parts = urlsplit(url)
        try:
            connection, sock = self._connect(parts, deadline)
            with closing(connection), _shut_at(deadline, sock):
                if isinstance(sock, ssl.SSLSocket):
                    sock.do_handshake()
                body = _request(connection, parts, headers)
            if time.monotonic() >= deadline:  # what was read may have been cut off
                raise TimeoutError
            return body
        except ssl.SSLCertVerificationError as error:
            raise RefusedError(Reason.UNREACHABLE, error.verify_message) from error
        except (OSError, HTTPException, UnicodeError) as error:
            if isinstance(error, TimeoutError) or time.monotonic() >= deadline:
                raise RefusedError(Reason.TIMED_OUT) from error
            raise RefusedError(Reason.UNREACHABLE, type(error).__name__, passing=True) from error

    def _connect(self, parts: SplitResult, deadline: float) -> tuple[HTTPConnection, socket.socket]:
        """Connect to an address that was looked at, so that no second lookup can change it."""
        host, is_tls = parts.hostname, parts.scheme == "https"
        if host is None or parts.scheme not in {"http", "https"}:
            raise RefusedError(Reason.FORBIDDEN_ADDRESS, "not an HTTP URL")
        port = parts.port or (443 if is_tls else 80)
        addresses = _look_up(host, port, deadline)
        for address in addresses:
            self._check(address, is_tls=is_tls)
        sock = _open(addresses, port, deadline)
        if not is_tls:
            connection = HTTPConnection(host, port)
        else:
            connection = HTTPSConnection(host, port, context=self._tls)
            # the handshake waits: only what is wrapped already can be shut at the deadline
            sock = self._tls.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
        connection.sock = sock
        return connection, sock

    def _check(self, address: str, *, is_tls: bool) -> None:
        ip = ip_address(address)
        if self.allow_loopback and ip.is_loopback:
            return
        leads_inside = any(ip in network for network in _LEAD_INSIDE)
        if not is_tls or not ip.is_global or ip.is_multicast or leads_inside:
            raise RefusedError(Reason.FORBIDDEN_ADDRESS, "https to a public address only")


def _look_up(host: str, port: int, deadline: float) -> list[str]:
    """Return a host's addresses. The system's resolver knows no time-out: it is left behind."""
    found: Future[list[str]] = Future()

    def look() -> None:
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.set_result([str(address[0]) for *_, address in infos])
        except (OSError, UnicodeError) as error:
            found.set_exception(error)

    Thread(target=look, daemon=True).start()
    return found.result(timeout=max(0.0, deadline - time.monotonic()))


def _open(addresses: Sequence[str], port: int, deadline: float) -> socket.socket:
    """Connect to the first address that takes the connection."""
    failures = []
    for address in addresses:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        try:
            return socket.create_connection((address, port), timeout=remaining)
        except OSError as error:
            failures.append(error)
    raise failures[-1]


def _request(connection: HTTPConnection, parts: SplitResult, headers: Mapping[str, str]) -> bytes:
    target = parts.path or "/"
    if parts.query:
        target += f"?{parts.query}"
    own = {"Accept-Encoding": "identity", "User-Agent": "gold-price-alert"}
    connection.request("GET", target, headers={**headers, **own})
    with connection.getresponse() as response:
        _check_status(response)
        # into a buffer: `read` takes a chunk of the size -1 for all there is, however much
        buffer = bytearray(MAX_BODY_BYTES + 1)
        size = response.readinto(buffer)
        if size > MAX_BODY_BYTES:
            raise RefusedError(Reason.TOO_LARGE)
        if response.length:
            raise ConnectionResetError("the body is cut off")
        return bytes(buffer[:size])


def _check_status(response: HTTPResponse) -> None:
    status = response.status
    if 300 <= status < 400:
        raise RefusedError(Reason.REDIRECTED, str(status))
    if status == 429:
        seconds = _seconds_to_wait(response.getheader("Retry-After", ""))
        detail = "" if seconds is None else f"for {seconds} s"
        raise RefusedError(Reason.RATE_LIMITED, detail, status=status, retry_after=seconds)
    if status != 200:
        raise RefusedError(Reason.BAD_STATUS, str(status), passing=status >= 500, status=status)


def _seconds_to_wait(retry_after: str) -> int | None:
    """Read a `Retry-After`, which is a number of seconds or a date (RFC 9110, 10.2.3).

    urllib3 could, too, but is boto3's dependency and not ours.
    """
    if retry_after.isascii() and retry_after.isdigit():
        return int(retry_after[:9])
    try:
        until = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return None
    # one without a zone is in Greenwich's time, too
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0, round((until - datetime.now(UTC)).total_seconds()))


@contextmanager
def _shut_at(deadline: float, sock: socket.socket) -> Iterator[None]:
    """Shut a socket at the deadline, so that whoever waits for it wakes up."""

    def shut() -> None:
        # not SSLSocket's, which first forgets the session that another thread is reading
        try:
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
        except OSError:
            pass  # it is closed already

    timer = Timer(deadline - time.monotonic(), shut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
