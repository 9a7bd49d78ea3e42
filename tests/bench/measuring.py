"""What the benches share: stores of their own, times, and results that are kept."""

import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from goldalert import secrets as goldalert_secrets
from goldalert.secrets import DatabaseSecret
from goldalert_local.credentials import Credentials
from goldalert_local.profiles import ROOT, STAGE
from goldalert_local.stores.postgres import EmbeddedPostgres
from goldalert_local.stores.redis import EmbeddedRedis
from migrator.handlers.migrate import migrate

RESULTS = ROOT / "bench" / "results"


@contextmanager
def stores(service: str, secrets: Mapping[str, str]) -> Iterator[DatabaseSecret]:
    """A service's database and Redis, and the environment of its functions.

    Args:
        secrets: further variables that name a secret, and the secret's name.

    Yields:
        The service's database, as the server's administrator reaches it.
    """
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
            server = DatabaseSecret.model_validate(found[f"goldalert/{STAGE}/postgres_admin"])
            own = DatabaseSecret.model_validate(found[f"goldalert/{STAGE}/{service}"]["database"])
            migrate(server, service, own)
            os.environ |= {
                "STAGE": STAGE,
                "TOPIC_ARN_PREFIX": "arn:aws:sns:us-east-1:000000000000:none-",
                "POWERTOOLS_SERVICE_NAME": service,
                "SERVICE_SECRET": f"goldalert/{STAGE}/{service}",
                **{name: f"goldalert/{STAGE}/{secret}" for name, secret in secrets.items()},
            }
            yield server.model_copy(update={"dbname": own.dbname})
        finally:
            redis.stop()
            postgres.stop()


def microseconds(
    rounds: int, warm_up: int, runs: Mapping[str, Callable[[], object]]
) -> dict[str, list[float]]:
    """Time what is to be compared in turn, so that the noise of the machine hits all alike."""
    took: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(warm_up + rounds):
        for name, run in runs.items():
            started = time.perf_counter_ns()
            run()
            if number >= warm_up:
                took[name].append((time.perf_counter_ns() - started) / 1000)
    return took


def summary(took: list[float]) -> dict[str, float]:
    """Return the usual time, the worst one, and the best one, which nothing else disturbed."""
    return {
        "min_us": round(min(took)),
        "median_us": round(statistics.median(took)),
        "p99_us": round(statistics.quantiles(took, n=100)[98]),
        "rounds": len(took),
    }


def save(name: str, results: dict[str, Any]) -> None:
    """Keep results, with what they were measured on."""
    machine = {
        "cpus": os.cpu_count(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"machine": machine, **results}, indent=2) + "\n", encoding="utf-8")
    print(f"written to {path.relative_to(ROOT)}")
