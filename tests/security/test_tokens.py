"""Access tokens, refresh tokens and everything that is good for one use (S4 to S7, R12)."""

import base64
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
import pyotp
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from redis import Redis

from goldalert_local.client import (
    PASSWORD,
    HttpAnswer,
    StackClient,
    User,
    reset_token,
    verification_token,
    wait_for,
)

RACERS = 20
OTHER_PASSWORD = "silver tarnishes 5 times"


# --- S4: forged access tokens --------------------------------------------------------------------


class Forger:
    """Makes tokens from a real one: with our key, with another, or with none."""

    def __init__(self, stack: StackClient) -> None:
        user = stack.new_user(verified=False)
        good = access_token(user)
        self.header = jwt.get_unverified_header(good)
        self.claims = jwt.decode(good, options={"verify_signature": False})
        self.stolen = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        secrets = json.loads((Path(stack.description["state_dir"]) / "secrets.json").read_text())
        keys = secrets["auth_signing_keys"]
        [self.ours] = [k["private_pem"] for k in keys["keys"] if k["kid"] == keys["active_kid"]]
        self.header["kid"] = keys["active_kid"]
        [self.ours_public] = [
            key["public_pem"]
            for key in secrets["auth_verification_keys"]["keys"]
            if key["kid"] == keys["active_kid"]
        ]

    def signed(self, headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """Sign with our own key; a claim of None is left out."""
        said = {k: v for k, v in (self.claims | claims).items() if v is not None}
        return jwt.encode(said, self.ours, "RS256", headers=self.header | (headers or {}))

    def forged(self, headers: dict[str, Any] | None = None) -> str:
        """Sign with somebody else's key."""
        return jwt.encode(self.claims, self.stolen, "RS256", headers=self.header | (headers or {}))

    def assembled(self, algorithm: str, sign: Callable[[bytes], bytes]) -> str:
        text = f"{segment({**self.header, 'alg': algorithm})}.{segment(self.claims)}"
        return f"{text}.{encoded(sign(text.encode()))}"

    def bad_tokens(self) -> dict[str, str]:
        now = datetime.now(UTC)
        jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.stolen.public_key()))
        hmac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
        head, _, signature = self.signed().split(".")
        pem = self.stolen.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return {
            "garbage": "abc",
            "three parts of garbage": "a.b.c",
            "another key under our kid": self.forged(),
            "another key under its own kid": self.forged({"kid": "mine"}),
            "a key that it brings along (jwk)": self.forged({"jwk": jwk}),
            "a key that it points at (jku)": self.forged({"jku": "http://127.0.0.1:9/jwks.json"}),
            "a certificate that it points at (x5u)": self.forged({"x5u": "http://127.0.0.1:9/x"}),
            "a certificate that it brings along (x5c)": self.forged(
                {"x5c": [base64.b64encode(pem).decode()]}
            ),
            "a kid that is a path": self.forged({"kid": "../../../../dev/null"}),
            "a kid that is SQL": self.forged({"kid": "x' OR '1'='1"}),
            "no algorithm": self.assembled("none", lambda _: b""),
            "no algorithm, spelt otherwise": self.assembled("nOnE", lambda _: b""),
            "our public key as a shared secret (HS256)": self.assembled(
                "HS256", lambda text: hmac.sign(text, self.ours_public.encode())
            ),
            "an empty shared secret (HS256)": self.assembled(
                "HS256", lambda text: hmac.sign(text, b"")
            ),
            "another algorithm of the same key (RS512)": jwt.encode(
                self.claims, self.ours, headers={**self.header, "alg": "RS512"}
            ),
            "tampered with": f"{head}.{segment({**self.claims, 'role': 'admin'})}.{signature}",
            "no signature": ".".join([*self.signed().split(".")[:2], ""]),
            "another issuer": self.signed(iss="https://evil.example"),
            "no issuer": self.signed(iss=None),
            "another audience": self.signed(aud="another-api"),
            "no audience": self.signed(aud=None),
            "another type": self.signed({"typ": "JWT"}),
            "expired": self.signed(exp=now - timedelta(minutes=1)),
            "never expires": self.signed(exp=None),
            "not yet valid": self.signed(nbf=now + timedelta(minutes=5)),
            "an admin's role, signed by us, that the database knows nothing of": self.signed(
                role="admin"
            ),
            "another session": self.signed(sid=str(uuid4())),
            "another user": self.signed(sub=str(uuid4())),
            "another version of the session": self.signed(sv=self.claims["sv"] + 1),
        }


def segment(content: dict[str, Any]) -> str:
    return encoded(json.dumps(content).encode())


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def access_token(user: User) -> str:
    return user.http.headers["Authorization"].removeprefix("Bearer ")


@pytest.fixture(scope="module")
def forger(stack: StackClient) -> Forger:
    return Forger(stack)


def test_what_our_key_signs_passes_so_that_the_forgeries_prove_something(
    stack: StackClient, forger: Forger
) -> None:
    assert stack.http.with_token(forger.signed()).get("/auth/me").status == 200


def test_every_forged_token_is_refused(stack: StackClient, forger: Forger) -> None:
    """S4."""
    http = stack.elsewhere()
    answers = {
        name: http.with_token(token).get("/auth/me") for name, token in forger.bad_tokens().items()
    }
    assert {n: a.status for n, a in answers.items() if a.status != 401} == {}
    details = {(a.body["code"], a.body["detail"]) for a in answers.values()}
    assert len(details) == 1, "the answer does not say what was wrong"


def test_an_access_token_says_who_for_whom_and_for_a_quarter_of_an_hour(
    stack: StackClient, forger: Forger
) -> None:
    """S4, S5."""
    assert forger.header["alg"] == "RS256"
    assert forger.header["typ"] == "at+jwt"
    claims = forger.claims
    assert {"iss", "aud", "sub", "sid", "role", "sv", "jti", "iat", "exp"} <= claims.keys()
    assert claims["exp"] - claims["iat"] <= 15 * 60
    assert claims["iss"] == stack.description["api_url"]


# --- S5: refresh tokens --------------------------------------------------------------------------


def refresh(stack: StackClient, token: str) -> HttpAnswer:
    return stack.elsewhere().post("/auth/refresh", {"refresh_token": token})


def is_signed_in(stack: StackClient, access: str) -> bool:
    return stack.http.with_token(access).get("/auth/me").status == 200


def test_a_refresh_token_is_replaced_and_the_session_stays(stack: StackClient) -> None:
    """S5."""
    user = stack.new_user(verified=False)
    first = refresh(stack, user.refresh_token).body
    second = refresh(stack, first["refresh_token"]).body
    tokens = {user.refresh_token, first["refresh_token"], second["refresh_token"]}
    assert len(tokens) == 3
    assert len({session_id(t["access_token"]) for t in (first, second)}) == 1
    assert is_signed_in(stack, second["access_token"])


def session_id(access: str) -> str:
    return str(jwt.decode(access, options={"verify_signature": False})["sid"])


def test_a_replaced_token_that_comes_again_ends_its_whole_family(stack: StackClient) -> None:
    """S5."""
    user = stack.new_user(verified=False)
    other_device = stack.login(user.email)
    first = refresh(stack, user.refresh_token).body
    second = refresh(stack, first["refresh_token"]).body
    reused = refresh(stack, user.refresh_token)
    assert (reused.status, reused.headers["content-type"]) == (401, "application/problem+json")
    assert refresh(stack, second["refresh_token"]).status == 401
    for access in (access_token(user), first["access_token"], second["access_token"]):
        assert not is_signed_in(stack, access)
    assert is_signed_in(stack, access_token(other_device)), "another session is no matter of it"


def test_two_honest_refreshes_at_once_both_end_well(stack: StackClient) -> None:
    """S5."""
    user = stack.new_user(verified=False)
    one, other = race(2, lambda _: refresh(stack, user.refresh_token))
    assert (one.status, other.status) == (200, 200)
    assert one.body["refresh_token"] != other.body["refresh_token"]
    assert is_signed_in(stack, one.body["access_token"])
    assert is_signed_in(stack, other.body["access_token"])
    assert refresh(stack, one.body["refresh_token"]).status == 200


# --- S6: what ends at once -----------------------------------------------------------------------


@contextmanager
def redis_to_oneself(stack: StackClient) -> Iterator[Redis]:
    """Tests of other files that count on Redis wait meanwhile."""
    with stack.alone("redis"), Redis.from_url(stack.description["redis_url"]) as redis:
        yield redis


@contextmanager
def flushed(stack: StackClient) -> Iterator[None]:
    """Redis forgets everything, again and again as long as this goes on."""
    with redis_to_oneself(stack) as redis:
        redis.flushall()
        yield


@contextmanager
def stopped(stack: StackClient) -> Iterator[None]:
    """Redis takes connections and says nothing, which is worse than to be gone."""
    with redis_to_oneself(stack) as redis:
        pid = stack.description["pids"].get("redis")
        if pid is None:  # the server is not ours: it can be asked to be silent
            redis.client_pause(60_000)
        else:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            if pid is None:
                redis.execute_command("CLIENT", "UNPAUSE")
            else:
                os.kill(pid, signal.SIGCONT)


@contextmanager
def untouched(_stack: StackClient) -> Iterator[None]:
    yield


def log_out(_stack: StackClient, user: User) -> None:
    assert user.http.post("/auth/logout").status == 204


def log_out_everywhere(stack: StackClient, user: User) -> None:
    assert stack.login(user.email).http.post("/auth/logout-all").status == 204


def revoke_the_session(stack: StackClient, user: User) -> None:
    other = stack.login(user.email)
    sid = session_id(access_token(user))
    assert other.http.delete(f"/auth/sessions/{sid}").status == 204


def change_the_password(stack: StackClient, user: User) -> None:
    answer = stack.login(user.email).http.post(
        "/auth/password/change", {"current_password": PASSWORD, "password": OTHER_PASSWORD}
    )
    assert answer.status == 200, answer


def reset_the_password(stack: StackClient, user: User) -> None:
    answer = stack.elsewhere().post("/auth/password/forgot", {"email": user.email})
    assert answer.status == 202, answer
    token = reset_token(stack.wait_for_mail(user.email, "password"))
    answer = stack.elsewhere().post(
        "/auth/password/reset", {"token": token, "password": OTHER_PASSWORD}
    )
    assert answer.status == 200, answer


def disable(stack: StackClient, user: User) -> None:
    answer = stack.admin.http.patch(f"/auth/users/{user.user_id}", {"disabled": True})
    assert answer.status == 200, answer


def make_an_admin(stack: StackClient, user: User) -> None:
    stack.verify(user.email)
    answer = stack.admin.http.patch(f"/auth/users/{user.user_id}", {"role": "admin"})
    assert answer.status == 200, answer


@pytest.mark.parametrize(
    "end",
    [
        log_out,
        log_out_everywhere,
        revoke_the_session,
        change_the_password,
        reset_the_password,
        disable,
        make_an_admin,
    ],
)
def test_a_session_ends_at_once(
    stack: StackClient, end: Callable[[StackClient, User], None]
) -> None:
    """S6."""
    user = stack.new_user(verified=False)
    assert is_signed_in(stack, access_token(user))
    end(stack, user)
    assert not is_signed_in(stack, access_token(user))
    assert refresh(stack, user.refresh_token).status == 401
    with flushed(stack):
        assert not is_signed_in(stack, access_token(user)), "PostgreSQL is the authority (R12)"
        assert refresh(stack, user.refresh_token).status == 401


def test_a_session_ends_at_once_though_redis_is_silent(stack: StackClient) -> None:
    """S6, R12."""
    user, other = stack.new_user(verified=False), stack.new_user(verified=False)
    with stopped(stack):
        assert is_signed_in(stack, access_token(user))
        log_out(stack, user)
        assert not is_signed_in(stack, access_token(user))
        assert is_signed_in(stack, access_token(other))
        assert refresh(stack, user.refresh_token).status == 401
        assert refresh(stack, other.refresh_token).status == 200
        assert stack.login(other.email)
    assert not is_signed_in(stack, access_token(user))
    assert is_signed_in(stack, access_token(other))


def test_who_is_signed_in_stays_so_when_redis_forgets(stack: StackClient) -> None:
    """R12."""
    user = stack.new_user(verified=False)
    with flushed(stack):
        assert is_signed_in(stack, access_token(user))


def test_a_disabled_user_cannot_sign_in_until_enabled_again(
    stack: StackClient, admin: User
) -> None:
    """S6."""
    user = stack.new_user(verified=False)
    disable(stack, user)
    refused = stack.elsewhere().post("/auth/login", {"email": user.email, "password": PASSWORD})
    unknown = stack.elsewhere().post("/auth/login", {"email": "x@example.com", "password": "y"})
    assert (refused.status, refused.body["detail"]) == (unknown.status, unknown.body["detail"])
    admin.http.patch(f"/auth/users/{user.user_id}", {"disabled": False})
    assert is_signed_in(stack, access_token(stack.login(user.email)))


def test_a_new_role_holds_from_the_next_sign_in(stack: StackClient, admin: User) -> None:
    """S6."""
    user = stack.new_user(verified=False)
    make_an_admin(stack, user)
    promoted = stack.login(user.email)
    assert promoted.http.get("/admin/audit-logs").status == 200
    admin.http.patch(f"/auth/users/{user.user_id}", {"role": "user"})
    assert promoted.http.get("/admin/audit-logs").status == 401
    assert stack.login(user.email).http.get("/admin/audit-logs").status == 403


# --- S7: good for one use ------------------------------------------------------------------------


def race[T](number: int, run: Callable[[int], T]) -> list[T]:
    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(run, range(number)))


def statuses(answers: list[HttpAnswer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


def test_a_verification_link_is_good_once_under_20_racing_requests(stack: StackClient) -> None:
    """S7."""
    user = stack.new_user(verified=False)
    token = verification_token(stack.wait_for_mail(user.email, "verify"))
    http = stack.elsewhere()
    answers = race(RACERS, lambda _: http.post("/auth/verify-email", {"token": token}))
    assert statuses(answers) == {200: 1, 409: RACERS - 1}
    assert user.http.get("/auth/me").body["email_verified"]


def test_a_reset_link_is_good_once_under_20_racing_requests(stack: StackClient) -> None:
    """S7."""
    user = stack.new_user()
    stack.elsewhere().post("/auth/password/forgot", {"email": user.email})
    token = reset_token(stack.wait_for_mail(user.email, "password"))
    assert len(token) >= 22, "128 bits"
    http = stack.elsewhere()

    def reset(number: int) -> HttpAnswer:
        body = {"token": token, "password": f"{OTHER_PASSWORD} {number}"}
        return http.post("/auth/password/reset", body)

    answers = race(RACERS, reset)
    assert statuses(answers) == {200: 1, 409: RACERS - 1}
    [winner] = [number for number, answer in enumerate(answers) if answer.status == 200]
    assert stack.login(user.email, password=f"{OTHER_PASSWORD} {winner}")


def test_a_refresh_token_under_20_racing_requests_leaves_one_line_of_succession(
    stack: StackClient,
) -> None:
    """S5, S7."""
    user = stack.new_user(verified=False)
    http = stack.elsewhere()
    body = {"refresh_token": user.refresh_token}
    answers = race(RACERS, lambda _: http.post("/auth/refresh", body))
    pairs = [answer.body for answer in answers if answer.status == 200]
    assert set(statuses(answers)) <= {200, 401}
    assert pairs
    assert {session_id(pair["access_token"]) for pair in pairs} == {session_id(access_token(user))}
    # what is used first goes on, the rest is old: of two who hold one each, one is found out
    [first, *others] = [pair["refresh_token"] for pair in pairs]
    successor = refresh(stack, first).body["refresh_token"]
    assert refresh(stack, successor).status == 200
    for other in others[:2]:
        assert refresh(stack, other).status == 401
    assert refresh(stack, successor).status == 401, "the family has ended"


def test_a_recovery_code_is_good_once_under_20_racing_requests(stack: StackClient) -> None:
    """S7."""
    user, codes, _ = with_two_factor(stack)
    body = {"email": user.email, "password": PASSWORD, "totp": codes[0]}
    # from where its owner is known: elsewhere the limits of strangers would refuse most of them
    answers = race(RACERS, lambda _: user.http.post("/auth/login", body))
    found = statuses(answers)
    assert found[200] == 1
    assert set(found) <= {200, 401, 429}
    assert found[401] > 0
    again = user.http.post("/auth/login", body)
    assert again.status in {401, 429}


def test_a_time_code_is_good_once_under_20_racing_requests(stack: StackClient) -> None:
    """S7."""
    user, _, totp = with_two_factor(stack)
    # the code that enabled it is spent; the next one is accepted a little early
    code = totp.at(datetime.now(UTC) + timedelta(seconds=30))
    body = {"email": user.email, "password": PASSWORD, "totp": code}
    found = statuses(race(RACERS, lambda _: user.http.post("/auth/login", body)))
    assert found[200] == 1
    assert set(found) <= {200, 401, 429}


def with_two_factor(stack: StackClient) -> tuple[User, list[str], pyotp.TOTP]:
    user = stack.new_user()
    totp = pyotp.TOTP(user.http.post("/auth/2fa/setup").body["secret"])
    # a code must not run out on its way
    wait_for(lambda: time.time() % 30 < 25, "the next time step")
    answer = user.http.post("/auth/2fa/enable", {"password": PASSWORD, "code": totp.now()})
    assert answer.status == 200, answer
    return user, answer.body["recovery_codes"], totp


def test_no_token_is_stored_as_it_is(stack: StackClient) -> None:
    """S7, S15: a copy of the database is no way in."""
    user, codes, totp = with_two_factor(stack)
    token = verification_token(stack.wait_for_mail(user.email, "verify"))
    secrets = [user.refresh_token, token, totp.secret, PASSWORD, *codes]
    with stack.database("auth_db").connect() as connection:
        tables = connection.exec_driver_sql(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        ).scalars()
        stored = "\n".join(
            str(row)
            for table in list(tables)
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}").all()
        )
    assert user.email in stored
    assert [secret for secret in secrets if secret in stored] == []
