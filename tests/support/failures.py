"""What any third party can do instead of answering, by name."""

from dataclasses import dataclass
from datetime import UTC, datetime

from price_service.domain.model import Reason
from price_service.gateways.outgoing import MAX_BODY_BYTES
from tests.support.price_sources import (
    Behaviour,
    answer,
    cut_off,
    drip_body,
    drip_headers,
    hang,
    redirect,
)

SLOT = datetime(2026, 8, 18, 13, 30, tzinfo=UTC)
"""When the shapes are from: their quotes are fresh then."""


@dataclass(frozen=True)
class Failure:
    """How a third party fails, and what is to be made of it."""

    name: str
    behaviour: Behaviour
    reason: Reason
    slot: datetime = SLOT


def on_the_wire(body: bytes) -> list[Failure]:
    """What can happen to any of them; `body` is what it would have answered."""
    return [
        Failure("hang", hang, Reason.TIMED_OUT),
        Failure("slow headers", drip_headers, Reason.TIMED_OUT),
        Failure("slow body", drip_body, Reason.TIMED_OUT),
        Failure("500", answer(body, status=500), Reason.BAD_STATUS),
        Failure("502 page", answer("<html>Bad Gateway</html>", status=502), Reason.BAD_STATUS),
        Failure("503", answer(body, status=503), Reason.BAD_STATUS),
        Failure("404", answer(body, status=404), Reason.BAD_STATUS),
        Failure(
            "429", answer(body, status=429, headers={"Retry-After": "60"}), Reason.RATE_LIMITED
        ),
        Failure("HTML", answer("<html>Just a moment...</html>"), Reason.MALFORMED),
        Failure("empty", answer(""), Reason.MALFORMED),
        Failure("wrong JSON", answer('{"price": '), Reason.MALFORMED),
        Failure("another JSON", answer('{"x": [1, 2, 3]}'), Reason.MALFORMED),
        Failure("NaN", answer("NaN"), Reason.MALFORMED),
        Failure("error body", answer('{"error": "no such thing"}'), Reason.MALFORMED),
        Failure("truncated", answer(body[: len(body) // 2]), Reason.MALFORMED),
        Failure("cut off", cut_off(body), Reason.UNREACHABLE),
        Failure("hangs up", lambda handler: None, Reason.UNREACHABLE),
        Failure("endless", answer(b" " * (MAX_BODY_BYTES + 1)), Reason.TOO_LARGE),
        Failure("metadata", redirect("http://169.254.169.254/latest/meta-data"), Reason.REDIRECTED),
        Failure("private", redirect("https://10.0.0.1/"), Reason.REDIRECTED),
        Failure("to itself", redirect("/elsewhere"), Reason.REDIRECTED),
    ]
