"""What the hot paths of accounts cost on this machine, in process: `make bench-auth`.

Real PostgreSQL, real Redis, the functions' own handlers; Secrets Manager and API Gateway are away.
"""

import json
import logging
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import text

from goldalert import secrets as goldalert_secrets
from goldalert.ids import new_id
from goldalert.secrets import DatabaseSecret
from goldalert_local.client import PASSWORD
from goldalert_local.credentials import Credentials
from goldalert_local.profiles import STAGE
from goldalert_local.stores.postgres import EmbeddedPostgres
from goldalert_local.stores.redis import EmbeddedRedis
from migrator.handlers.migrate import migrate
from tests.support.invocations import Context

ADDRESS = "ada@example.com"
ROUNDS = 3_000
WARM_UP = 300
LOGINS = 40
SECRETS = {
    "SERVICE_SECRET": "auth_service",
    "PEPPER_SECRET": "auth_pepper",
    "SIGNING_KEYS_SECRET": "auth_signing_keys",
    "VERIFICATION_KEYS_SECRET": "auth_verification_keys",
    "EVENT_KEY_SECRET": "event_key",
    "TOTP_KEY_SECRET": "auth_totp_key",
}


@contextmanager
def accounts() -> Iterator[None]:
    """The auth service's database and Redis, and a user in it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        credentials = Credentials.make()
        postgres = EmbeddedPostgres(folder / "postgres", folder, credentials.postgres_password)
        redis = EmbeddedRedis(folder / "redis", folder, credentials.redis_password)
        for store in (postgres, redis):
            store.start()
            store.wait()
        try:
            found = credentials.aws_secrets(postgres.address, redis.url)

            class Provider:
                def get(self, name: str, **_: Any) -> str:
                    return json.dumps(found[name])

            goldalert_secrets._provider = Provider  # type: ignore[assignment]
            migrate(
                DatabaseSecret.model_validate(found[f"goldalert/{STAGE}/postgres_admin"]),
                "auth_service",
                DatabaseSecret.model_validate(found[f"goldalert/{STAGE}/auth_service"]["database"]),
            )
            os.environ |= {
                "STAGE": STAGE,
                "TOPIC_ARN_PREFIX": "arn:aws:sns:us-east-1:000000000000:none-",
                "API_ORIGIN": "http://localhost",
                "POWERTOOLS_SERVICE_NAME": "auth_service",
                **{name: f"goldalert/{STAGE}/{secret}" for name, secret in SECRETS.items()},
            }
            yield
        finally:
            redis.stop()
            postgres.stop()


def add_user() -> None:
    from auth_service.bootstrap import services

    with services().engine.begin() as connection:
        connection.execute(
            text("INSERT INTO users (id, email, password_hash) VALUES (:id, :email, :hash)"),
            {"id": new_id(), "email": ADDRESS, "hash": services().passwords.hash(PASSWORD)},
        )


def log_in(_number: int = 0) -> str:
    from auth_service.handlers import api

    event = {
        "httpMethod": "POST",
        "path": "/auth/login",
        "resource": "/auth/login",
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps({"email": ADDRESS, "password": PASSWORD}),
        "isBase64Encoded": False,
        "requestContext": {
            "requestId": "bench",
            "identity": {"sourceIp": "192.0.2.1"},
        },
    }
    answer = api.lambda_handler(event, Context())  # type: ignore[arg-type]
    body = json.loads(answer["body"])
    assert answer["statusCode"] == 200, body
    return str(body["access_token"])


def microseconds(run: Callable[[], object]) -> list[float]:
    for _ in range(WARM_UP):
        run()
    took = []
    for _ in range(ROUNDS):
        started = time.perf_counter_ns()
        run()
        took.append((time.perf_counter_ns() - started) / 1000)
    return took


def measure_authorizer() -> None:
    from auth_service.handlers import authorizer

    event = {
        "type": "TOKEN",
        "methodArn": "arn:aws:execute-api:us-east-1:000000000000:api/local/GET/alert",
        "authorizationToken": f"Bearer {log_in()}",
    }
    cpu_started = time.process_time()
    took = microseconds(lambda: authorizer.lambda_handler(event, Context()))  # type: ignore[arg-type]
    cpu = (time.process_time() - cpu_started) / (ROUNDS + WARM_UP) * 1e6
    print(
        f"authorizer, warm: median {statistics.median(took):.0f} µs, "
        f"99th percentile {statistics.quantiles(took, n=100)[98]:.0f} µs, "
        f"{cpu:.0f} µs of it on the processor; {ROUNDS} requests"
    )


def measure_logins(threads: int) -> None:
    started = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(log_in, range(LOGINS)))
    seconds = time.perf_counter() - started
    print(f"logins, bcrypt cost 12, {threads} at a time: {LOGINS / seconds:.1f} per second")


def main() -> None:
    with accounts():
        from goldalert.observability.log import logger

        logger.setLevel(logging.CRITICAL)
        add_user()
        measure_authorizer()
        measure_logins(1)
        measure_logins(os.cpu_count() or 1)


if __name__ == "__main__":
    main()
