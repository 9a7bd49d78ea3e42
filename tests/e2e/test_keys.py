"""The signing key is rotated while users work: none of them notices (S4)."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import jwt

from goldalert_local.client import PASSWORD, HttpAnswer, StackClient, wait_for
from goldalert_local.rotate_keys import KeptSecrets
from infra.rotate_keys import rotate

# authorizers ask for an unknown key at most every 30 s; no client keeps the key set here
PUBLISH_SECONDS = 31
PAUSE_SECONDS = 0.5
# a session may refresh 30 times in 15 minutes
REFRESH_SECONDS = 5


@dataclass
class Visit:
    """One user's tokens, and every answer that was not the right one."""

    stack: StackClient
    access: str
    refresh: str
    failed: list[HttpAnswer] = field(default_factory=list)
    kids: list[str] = field(default_factory=list)
    refreshed_at: float = 0.0

    @classmethod
    def begin(cls, stack: StackClient) -> "Visit":
        address = stack.new_user(verified=False).email
        pair = stack.http.post("/auth/login", {"email": address, "password": PASSWORD}).body
        return cls(stack, pair["access_token"], pair["refresh_token"])

    def go_on(self) -> None:
        """Use the token; now and then exchange it, and use the new one at once."""
        self.use(self.access)
        if time.monotonic() - self.refreshed_at < REFRESH_SECONDS:
            return
        self.refreshed_at = time.monotonic()
        answer = self.stack.http.post("/auth/refresh", {"refresh_token": self.refresh})
        if answer.status != 200:
            self.failed.append(answer)
            return
        self.access, self.refresh = answer.body["access_token"], answer.body["refresh_token"]
        self.kids.append(jwt.get_unverified_header(self.access)["kid"])
        self.use(self.access)

    def use(self, token: str) -> None:
        answer = self.stack.http.with_token(token).get("/auth/me")
        if answer.status != 200:
            self.failed.append(answer)


@contextmanager
def working(visits: list[Visit]) -> Iterator[None]:
    """Have users work, each at a pace that leaves the machine to other tests."""
    is_over = threading.Event()

    def work(visit: Visit) -> None:
        while not is_over.wait(PAUSE_SECONDS):
            visit.go_on()

    threads = [threading.Thread(target=work, args=(visit,)) for visit in visits]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def test_keys_rotate_under_load_without_a_failed_request(stack: StackClient) -> None:
    """S4."""
    visits = [Visit.begin(stack) for _ in range(4)]
    [old_token, old_kid] = [visits[0].access, jwt.get_unverified_header(visits[0].access)["kid"]]
    secrets = KeptSecrets(stack.aws, Path(stack.description["state_dir"]))
    with working(visits):
        new_kid = rotate(secrets, publish_seconds=PUBLISH_SECONDS)
        # processes that are warm take the new key within a minute
        wait_for(
            lambda: all(visit.kids[-2:] == [new_kid] * 2 for visit in visits),
            "the new key to sign everywhere",
            seconds=120,
        )
    assert [visit.failed for visit in visits] == [[]] * len(visits)
    assert {kid for visit in visits for kid in visit.kids} == {old_kid, new_kid}
    assert stack.http.with_token(old_token).get("/auth/me").status == 200
    answer = stack.http.get("/auth/.well-known/jwks.json")
    assert {old_kid, new_kid} <= {key["kid"] for key in answer.body["keys"]}
    assert answer.headers["cache-control"] == "public, max-age=60"
