"""R1 and S12: whatever a third party does, the caller is back in time, and reached nothing else."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from price_service.domain.model import Reason
from price_service.gateways.outgoing import MAX_BODY_BYTES, OutgoingHttp, RefusedError
from tests.support.price_sources import (
    Behaviour,
    PriceSources,
    answer,
    cut_off,
    drip_body,
    drip_headers,
    hang,
    in_turn,
    redirect,
    serve_price_sources,
)
from tests.support.tls import write_certificate

PATIENCE = 0.4


def get(url: str, *, seconds: float = 5, http: OutgoingHttp | None = None) -> bytes:
    http = http or OutgoingHttp(allow_loopback=True)
    return http.get(url, time.monotonic() + seconds)


def in_chunks(size: str, rest: bytes) -> Behaviour:
    """Answer with `rest` after the first chunk's size, a hexadecimal number."""

    def behave(handler: Any) -> None:
        head = f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{size}\r\n"
        handler.wfile.write(head.encode() + rest)

    return behave


def refusal(url: str, *, seconds: float = 5, http: OutgoingHttp | None = None) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        get(url, seconds=seconds, http=http)
    return caught.value


def test_a_body_is_returned_as_it_is(sources: PriceSources) -> None:
    sources.behave("/x", answer("{}"))

    assert get(f"{sources.url}/x?a=b") == b"{}"
    assert sources.requests == ["/x?a=b"]


@pytest.mark.parametrize("behaviour", [hang, drip_headers, drip_body])
def test_no_way_of_being_slow_outlasts_the_deadline(sources: PriceSources, behaviour) -> None:
    """R1."""
    sources.behave("/x", behaviour)
    started = time.monotonic()

    assert refusal(f"{sources.url}/x", seconds=PATIENCE).reason is Reason.TIMED_OUT
    assert time.monotonic() - started < PATIENCE + 1


def test_a_name_that_nobody_looks_up_does_not_outlast_it(monkeypatch) -> None:
    """R1."""
    never = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [] if never.wait(10) else None)
    started = time.monotonic()

    refused = refusal("https://prices.example/", seconds=PATIENCE)

    never.set()
    assert refused.reason is Reason.TIMED_OUT
    assert time.monotonic() - started < PATIENCE + 1


def test_a_name_that_does_not_exist_is_unreachable() -> None:
    label_that_is_too_long = "x" * 64

    assert refusal(f"https://{label_that_is_too_long}/").reason is Reason.UNREACHABLE


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (answer("", status=500), Reason.BAD_STATUS),
        (answer("", status=503), Reason.BAD_STATUS),
        (answer("", status=404), Reason.BAD_STATUS),
        (answer("", status=204), Reason.BAD_STATUS),
        (answer("", status=429, headers={"Retry-After": "60"}), Reason.RATE_LIMITED),
        (redirect("http://169.254.169.254/latest/meta-data"), Reason.REDIRECTED),
        (cut_off(b"{}" * 500), Reason.UNREACHABLE),
        (answer(b" " * (MAX_BODY_BYTES + 1)), Reason.TOO_LARGE),
        (in_chunks("40001", b" " * (MAX_BODY_BYTES + 1)), Reason.TOO_LARGE),
        (lambda handler: handler.wfile.write(b"no HTTP at all\r\n"), Reason.UNREACHABLE),
        (lambda handler: None, Reason.UNREACHABLE),
    ],
)
def test_an_answer_that_is_none_has_its_reason(sources: PriceSources, behaviour, reason) -> None:
    """R1."""
    sources.behave("/x", behaviour)

    assert refusal(f"{sources.url}/x").reason is reason


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("60", 60),
        ("0", 0),
        ("9" * 40, 999_999_999),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("\u00b2", None),
        ("Fri, 31 Dec 9999 23:59:59 +9999999", None),
    ],
)
def test_a_source_says_how_long_to_leave_it_alone(sources: PriceSources, header, seconds) -> None:
    """R1."""
    sources.behave("/x", answer("", status=429, headers={"Retry-After": header}))

    refused = refusal(f"{sources.url}/x")

    assert (refused.reason, refused.retry_after) == (Reason.RATE_LIMITED, seconds)


@pytest.mark.parametrize("zone", [UTC, None, timezone(timedelta(hours=2))])
def test_it_may_say_so_with_a_date(sources: PriceSources, zone) -> None:
    """R1."""
    until = datetime.now(UTC) + timedelta(seconds=90)
    until = until.astimezone(zone) if zone else until.replace(tzinfo=None)
    header = format_datetime(until, usegmt=zone is UTC)
    sources.behave("/x", answer("", status=429, headers={"Retry-After": header}))

    assert 60 < refusal(f"{sources.url}/x").retry_after <= 90


@pytest.mark.parametrize("size", ["-1", "-40001"])
def test_no_chunk_size_takes_all_of_the_memory(sources: PriceSources, size: str) -> None:
    """R1: http.client reads a chunk of a negative size until the server is done."""
    sent = []

    def pour(handler: Any) -> None:
        in_chunks(size, b"")(handler)
        for _ in range(64):
            handler.wfile.write(b" " * MAX_BODY_BYTES)
            sent.append(MAX_BODY_BYTES)

    sources.behave("/x", pour)

    refusal(f"{sources.url}/x")

    assert sum(sent) < 64 * MAX_BODY_BYTES, "it was read to its end"


def test_a_body_in_chunks_is_put_together(sources: PriceSources) -> None:
    sources.behave("/x", in_chunks("2", b"{}\r\n2\r\n[]\r\n0\r\n\r\n"))

    assert get(f"{sources.url}/x") == b"{}[]"


def test_our_own_headers_are_not_to_be_changed(sources: PriceSources) -> None:
    sources.behave("/x", answer("{}"))

    OutgoingHttp(allow_loopback=True).get(
        f"{sources.url}/x", time.monotonic() + 5, headers={"x-access-token": "abc"}
    )

    [sent] = sources.headers
    assert (sent["x-access-token"], sent["Accept-Encoding"]) == ("abc", "identity")


def test_a_body_may_be_as_large_as_the_limit(sources: PriceSources) -> None:
    sources.behave("/x", answer(b" " * MAX_BODY_BYTES))

    assert len(get(f"{sources.url}/x")) == MAX_BODY_BYTES


@pytest.mark.parametrize("failure", [answer("", status=503), lambda handler: None])
def test_what_may_pass_is_tried_again(sources: PriceSources, failure) -> None:
    sources.behave("/x", in_turn(failure, failure, answer("{}")))

    assert get(f"{sources.url}/x") == b"{}"


def test_it_is_given_up_after_three_tries(sources: PriceSources) -> None:
    sources.behave("/x", answer("", status=503))

    refusal(f"{sources.url}/x")

    assert len(sources.requests) == 3


@pytest.mark.parametrize("status", [302, 400, 404, 429])
def test_what_will_not_pass_is_asked_once(sources: PriceSources, status: int) -> None:
    sources.behave("/x", answer("", status=status))

    refusal(f"{sources.url}/x")

    assert len(sources.requests) == 1


def test_a_port_where_nobody_listens_is_unreachable() -> None:
    with serve_price_sources() as gone:
        url = gone.url

    assert refusal(f"{url}/x").reason is Reason.UNREACHABLE


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://localhost/",
        "https://[::1]/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::ffff:10.0.0.1]/",
        "https://[::10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://[fec0::1]/",
        "https://[2002:a00:1::]/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "http://93.184.215.14/",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "https:///",
    ],
)
def test_only_public_addresses_over_tls_are_reached(url: str) -> None:
    """S12."""
    assert refusal(url, http=OutgoingHttp()).reason is Reason.FORBIDDEN_ADDRESS


@pytest.mark.parametrize("url", ["https://10.0.0.1/", "http://93.184.215.14/"])
def test_the_local_machine_may_reach_itself_beyond_that(url: str) -> None:
    """S12."""
    assert refusal(url).reason is Reason.FORBIDDEN_ADDRESS


class TestTls:
    @pytest.fixture
    def certificate(self, tmp_path: Path) -> Path:
        return write_certificate(tmp_path / "certificate.pem")

    @pytest.fixture
    def secure(self, certificate: Path) -> Iterator[PriceSources]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        with serve_price_sources(context) as serving:
            yield serving

    @pytest.fixture
    def trusting(self, certificate: Path) -> OutgoingHttp:
        return OutgoingHttp(
            allow_loopback=True, tls=ssl.create_default_context(cafile=str(certificate))
        )

    def test_a_trusted_certificate_is_accepted(self, secure, trusting) -> None:
        secure.behave("/x", answer("{}"))

        assert get(f"{secure.url}/x", http=trusting) == b"{}"

    def test_an_untrusted_certificate_is_refused(self, secure) -> None:
        """S17."""
        secure.behave("/x", answer("{}"))

        refused = refusal(f"{secure.url}/x")

        assert refused.reason is Reason.UNREACHABLE
        assert "self-signed" in refused.detail
        assert secure.requests == []

    def test_a_certificate_of_another_name_is_refused(self, secure, trusting) -> None:
        """S17."""
        url = secure.url.replace("127.0.0.1", "localhost")

        assert "not valid for 'localhost'" in refusal(f"{url}/x", http=trusting).detail

    @pytest.mark.parametrize("behaviour", [hang, drip_body])
    def test_no_way_of_being_slow_outlasts_the_deadline(self, secure, trusting, behaviour) -> None:
        """R1."""
        secure.behave("/x", behaviour)

        refused = refusal(f"{secure.url}/x", seconds=PATIENCE, http=trusting)

        assert refused.reason is Reason.TIMED_OUT

    def test_a_server_that_never_answers_the_handshake_does_not_outlast_it(self, trusting) -> None:
        """R1."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            url = f"https://127.0.0.1:{listening.getsockname()[1]}/"
            refused = refusal(url, seconds=PATIENCE, http=trusting)

        assert refused.reason is Reason.TIMED_OUT

    def test_neither_does_one_that_was_slow_to_connect(self, trusting, monkeypatch) -> None:
        """R1: what is left of the time after connecting is less than the socket was given."""
        connect = socket.create_connection
        monkeypatch.setattr(
            socket, "create_connection", lambda address, timeout: connect(address, timeout + 5)
        )
        started = time.monotonic()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            url = f"https://127.0.0.1:{listening.getsockname()[1]}/"
            refused = refusal(url, seconds=PATIENCE, http=trusting)

        assert refused.reason is Reason.TIMED_OUT
        assert time.monotonic() - started < PATIENCE + 1
