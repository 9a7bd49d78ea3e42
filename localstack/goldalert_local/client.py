"""A user's and an operator's view of a running stack, for the demo and the end-to-end tests."""

import email
import email.policy
import fcntl
import json
import re
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import urllib3
from redis import Redis
from sqlalchemy import URL, Engine, NullPool, create_engine

from goldalert_local.aws import Aws
from goldalert_local.credentials import DATABASES
from goldalert_local.invoke import Answer, full_name, invoke, schedule_event

PASSWORD = "gold glitters 4 a while"  # noqa: S105 - of users that tests and the demo make up
POLL_SECONDS = 0.1


class TimedOutError(Exception):
    """What was waited for did not come."""


class UnexpectedAnswerError(Exception):
    """The stack did not answer as it should."""


def expect(is_right: bool, answer: object) -> None:
    """Stop with the whole answer when it is not the right one."""
    if not is_right:
        raise UnexpectedAnswerError(answer)


def wait_for[T](found: Callable[[], T | None], what: str, *, seconds: float = 30) -> T:
    """Ask again and again until the answer is true; return it."""
    end = time.monotonic() + seconds
    while True:
        if answer := found():
            return answer
        if time.monotonic() > end:
            raise TimedOutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(POLL_SECONDS)


@dataclass(frozen=True)
class HttpAnswer:
    """An HTTP answer. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class Http:
    """Calls the API, as one user or as nobody."""

    base_url: str
    headers: dict[str, str] = field(default_factory=dict)
    _pool: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(retries=False, timeout=30)
    )

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> HttpAnswer:
        """Send `body` as JSON, or `raw` as it is."""
        response = self._pool.request(
            method,
            self.base_url + path,
            body=raw if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **self.headers, **(headers or {})},
        )
        lower = {name.lower(): value for name, value in response.headers.items()}
        return HttpAnswer(response.status, lower, response.data.decode())

    def get(self, path: str, **more: Any) -> HttpAnswer:
        return self.call("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> HttpAnswer:
        return self.call("POST", path, body, **more)

    def put(self, path: str, body: Any = None, **more: Any) -> HttpAnswer:
        return self.call("PUT", path, body, **more)

    def patch(self, path: str, body: Any = None, **more: Any) -> HttpAnswer:
        return self.call("PATCH", path, body, **more)

    def delete(self, path: str, **more: Any) -> HttpAnswer:
        return self.call("DELETE", path, **more)

    def with_token(self, token: str) -> Self:
        return type(self)(self.base_url, {"Authorization": f"Bearer {token}"}, self._pool)

    def from_network(self, address: str) -> Self:
        """Return a client that calls from this address of the machine."""
        pool = urllib3.PoolManager(retries=False, timeout=30, source_address=(address, 0))
        return type(self)(self.base_url, self.headers, pool)


@dataclass(frozen=True)
class User:
    """Somebody with an account: `http` calls the API as them."""

    email: str
    user_id: str
    http: Http
    refresh_token: str


@dataclass(frozen=True)
class Mail:
    """A mail that SES took."""

    subject: str
    sender: str
    text: str
    html: str
    recipients: list[str]
    headers: dict[str, str]

    @classmethod
    def parse(cls, sent: dict[str, Any]) -> Self:
        message = email.message_from_string(
            sent["RawData"], _class=EmailMessage, policy=email.policy.default
        )

        def part(kind: str) -> str:
            found = message.get_body((kind,))
            return found.get_content() if found else ""

        return cls(
            subject=str(message["Subject"]),
            sender=str(message["From"]),
            text=part("plain"),
            html=part("html"),
            recipients=[a.addr_spec for a in message["To"].addresses],
            headers={name: str(value) for name, value in message.items()},
        )


class StackClient:
    """Everything that one can do with, and see of, a stack from outside.

    Args:
        stack_file: the `stack.json` of a running stack.
    """

    def __init__(self, stack_file: Path) -> None:
        self.description: dict[str, Any] = json.loads(stack_file.read_text())
        self.aws = Aws(self.description["aws_endpoint_url"])
        localstack = Path(self.description["state_dir"]) / "localstack" / "tmp" / "localstack"
        self._mail_dir = localstack / "state" / "ses"
        self._mails: dict[str, dict[str, Any]] = {}
        """What the files of that folder say, which never change."""
        self.http = Http(self.description["api_url"])

    def elsewhere(self) -> Http:
        """Return a client in a network that nobody else calls from."""
        return self.http.from_network(self.new_network())

    def new_network(self) -> str:
        """Return an address of this machine for which no limits have been counted.

        On Linux all of 127.0.0.0/8 is this machine. Elsewhere it has one address only, and what
        was counted for that is forgotten.
        """
        if sys.platform != "linux":
            self.forget_limits()
            return "127.0.0.1"
        # not by `random`, which Hypothesis has repeat itself
        parts = (str(1 + secrets.randbelow(254)) for _ in range(3))
        return ".".join(("127", *parts))

    def forget_limits(self) -> None:
        """Give everybody the full rate limits of every service again."""
        for _, number in DATABASES.values():
            with Redis.from_url(f"{self.description['redis_url']}/{number}") as redis:
                for key in redis.scan_iter("limit*", count=1000):
                    redis.delete(key)

    # --- users -----------------------------------------------------------------------------------

    def register(self, address: str, *, correlation_id: str = "", name: str = "Ada") -> None:
        headers = {"X-Correlation-Id": correlation_id} if correlation_id else {}
        answer = self.elsewhere().post(
            "/auth/register",
            {"email": address, "password": PASSWORD, "name": name},
            headers=headers,
        )
        expect(answer.status == 202, answer)

    def login(self, address: str, *, password: str = PASSWORD) -> User:
        http = self.elsewhere()
        answer = http.post("/auth/login", {"email": address, "password": password})
        expect(answer.status == 200, answer)
        tokens = answer.body
        return User(
            address,
            tokens["user_id"],
            http.with_token(tokens["access_token"]),
            tokens["refresh_token"],
        )

    def verify(self, address: str) -> None:
        """Do what the link in the welcome mail is for."""
        token = verification_token(self.wait_for_mail(address, "verify"))
        answer = self.elsewhere().post("/auth/verify-email", {"token": token})
        expect(answer.status == 200, answer)

    def new_user(self, *, verified: bool = True) -> User:
        address = f"{uuid4().hex}@example.com"
        self.register(address)
        if verified:
            self.verify(address)
        return self.login(address)

    def new_admin(self) -> User:
        """Do what `make admin` is for, and follow its link: there is no default admin."""
        address = f"{uuid4().hex}@example.com"
        answer = self.invoke("auth-service-grant-admin", {"email": address})
        expect(not answer.failed, answer)
        token = json.loads(answer.payload)["link"].partition("token=")[2]
        reset = self.elsewhere().post(
            "/auth/password/reset", {"token": token, "password": PASSWORD}
        )
        expect(reset.status == 200, reset)
        return self.login(address)

    # --- mail ------------------------------------------------------------------------------------

    def mails(self, address: str) -> list[Mail]:
        """Return the mails that SES took for an address, oldest first.

        LocalStack keeps each in a file of its own. It also lists them all at `/_aws/ses`: thousands
        by the end of a test run, which it would send to every test that waits for one.
        """
        new = [file for file in self._mail_dir.glob("*.json") if file.name not in self._mails]
        for file in sorted(new, key=lambda file: file.stat().st_mtime_ns):
            with suppress(json.JSONDecodeError):  # it is being written
                self._mails[file.name] = json.loads(file.read_bytes())
        sent = [sent for sent in self._mails.values() if address in (sent.get("RawData") or "")]
        mails = [Mail.parse(mail) for mail in sent]
        return [mail for mail in mails if address in mail.recipients]

    def wait_for_mail(self, address: str, words_in_subject: str, *, seconds: float = 60) -> Mail:
        def found() -> Mail | None:
            return next((m for m in self.mails(address) if words_in_subject in m.subject), None)

        return wait_for(found, f"a mail about {words_in_subject!r} to {address}", seconds=seconds)

    @contextmanager
    def alone(self, with_what: str) -> Iterator[None]:
        """Wait until no other process has this, and have it to oneself."""
        path = Path(self.description["state_dir"]) / f"{with_what}.lock"
        with path.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    # --- prices ----------------------------------------------------------------------------------

    @property
    def price_file(self) -> Path:
        """The recorded prices that the stack replays."""
        return Path(self.description["state_dir"]) / "prices.csv"

    @contextmanager
    def price_feed(self) -> Iterator[Callable[[Decimal], None]]:
        """Have the price to oneself, as `move(price)`: tests in parallel share one market."""
        with self.alone("prices"):
            yield self.move_price

    def move_price(self, price: Decimal) -> None:
        """Record a price and let the scheduled function fetch it, as EventBridge would."""
        self.append_price(price)

        def has_arrived() -> bool:
            self.tick()
            return self.current_price() == price

        wait_for(has_arrived, f"the price {price}", seconds=30)

    def current_price(self) -> Decimal | None:
        """Return the price that the API tells; None before the first tick."""
        answer = self.elsewhere().get("/price/current")
        return Decimal(answer.body["price"]) if answer.status == 200 else None

    def append_price(self, price: Decimal) -> None:
        """Record a price for the next tick."""
        slot = datetime.now(UTC)
        is_new = not self.price_file.exists()
        with self.price_file.open("a") as file:
            if is_new:
                file.write("timestamp,price\n")
            file.write(f"{slot.isoformat()},{price}\n")

    def tick(self) -> Answer:
        """Fire the price schedule once, by hand."""
        answer = self.invoke("price-service-scheduled-fetch-price", schedule_event())
        expect(not answer.failed, answer)
        return answer

    # --- what an operator can reach --------------------------------------------------------------

    def invoke(self, function: str, event: dict[str, Any]) -> Answer:
        return invoke(self.aws, full_name(self.aws, function), json.dumps(event).encode())

    def database(self, name: str) -> Engine:
        """Return the administrator's engine for a database; each use is a new connection."""
        server = self.description["postgres"]
        return create_engine(
            URL.create(
                "postgresql+pg8000",
                username=server["user"],
                password=server["password"],
                host=server["host"],
                port=server["port"],
                database=name,
            ),
            poolclass=NullPool,
        )

    def queue_url(self, name: str) -> str:
        return self.aws.sqs.get_queue_url(QueueName=f"goldalert-local-{name}")["QueueUrl"]

    def queue_length(self, name: str) -> int:
        """Count the messages of a queue, those in flight included."""
        kinds = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.aws.sqs.get_queue_attributes(
            QueueUrl=self.queue_url(name),
            AttributeNames=kinds,  # type: ignore[arg-type]
        )
        return sum(int(value) for value in found["Attributes"].values())

    @cached_property
    def admin(self) -> User:
        return self.new_admin()


def verification_token(mail: Mail) -> str:
    return token_of("verify-email", mail)


def reset_token(mail: Mail) -> str:
    return token_of("password/reset", mail)


def token_of(path: str, mail: Mail) -> str:
    found = re.search(rf"/auth/{path}\?token=([A-Za-z0-9_-]+)", mail.text)
    if not found:
        raise UnexpectedAnswerError(mail.text)
    return found[1]
