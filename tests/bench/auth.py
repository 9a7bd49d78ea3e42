"""What the hot paths of accounts cost on this machine, in process: `make bench-auth`.

Real PostgreSQL, real Redis, the functions' own handlers; Secrets Manager and API Gateway are away.
"""

import json
import logging
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text

from goldalert.ids import new_id
from goldalert_local.client import PASSWORD
from tests.bench.measuring import microseconds, stores
from tests.support.invocations import Context

ADDRESS = "ada@example.com"
ROUNDS = 3_000
WARM_UP = 300
LOGINS = 40
SECRETS = {
    "PEPPER_SECRET": "auth_pepper",
    "SIGNING_KEYS_SECRET": "auth_signing_keys",
    "VERIFICATION_KEYS_SECRET": "auth_verification_keys",
    "EVENT_KEY_SECRET": "event_key",
    "TOTP_KEY_SECRET": "auth_totp_key",
}


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


def measure_authorizer() -> None:
    from auth_service.handlers import authorizer

    event = {
        "type": "TOKEN",
        "methodArn": "arn:aws:execute-api:us-east-1:000000000000:api/local/GET/alert",
        "authorizationToken": f"Bearer {log_in()}",
    }
    cpu_started = time.process_time()
    runs = {"authorizer": lambda: authorizer.lambda_handler(event, Context())}  # type: ignore[arg-type]
    took = microseconds(ROUNDS, WARM_UP, runs)["authorizer"]
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
    os.environ["API_ORIGIN"] = "http://localhost"
    with stores("auth_service", SECRETS):
        from goldalert.observability.log import logger

        logger.setLevel(logging.CRITICAL)
        add_user()
        measure_authorizer()
        measure_logins(1)
        measure_logins(os.cpu_count() or 1)


if __name__ == "__main__":
    main()
