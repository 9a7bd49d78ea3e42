"""What a tick costs, by how many alerts there are and how many of them fire: `make bench-alerts`.

Real PostgreSQL and Redis, in process, and the engine's own use case. In the same run, for
comparison: loading all alerts and looking at each, and COPY, the most rows that the machine takes.
"""

import argparse
import csv
import gc
import logging
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from io import StringIO
from itertools import batched, islice
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, NullPool, create_engine, text

from goldalert.db.engine import make_engine
from goldalert.db.unit_of_work import Relay, UnitOfWork
from goldalert.events.prices import PriceUpdatedData, PriceUpdatedV1, Tick
from goldalert.ids import new_id
from goldalert.messaging.relay import OutboxRelay, OutboxRow
from goldalert.messaging.sns import SnsPublisher
from goldalert.units import Karat, Unit, price_per_troy_ounce
from goldalert_local.profiles import ROOT
from tests.bench import naive_alerts
from tests.bench.measuring import save, stores
from tests.bench.sns_stub import sns_stub

SIZES = (10_000, 100_000, 1_000_000, 5_000_000)
FIRING = {0: 40, 100: 15, 1_000: 7, 10_000: 3, 100_000: 1}
"""Alerts that a tick makes fire, and how many such ticks are measured."""

NAIVE_FIRING = (0, 1_000)
SERIES = "price:USD"
PRICE = Decimal(4000)
SLOT = timedelta(minutes=5)
ALERTS_PER_USER = 20
PORTION = 200_000
PLOT = ROOT / "docs" / "alert-matching.png"

TIMED = (
    "add_tick", "series_behind", "lock_series", "past", "crossed", "save_series", "share_lease",
    "fire_once", "claim", "add_triggers", "save_states", "arm", "lock_due_alerts",
    "share_series",
)  # fmt: skip

spent: Counter[str] = Counter()
"""Seconds in each method of the repository since it was last cleared."""

type Figures = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="how many alerts")
    parser.add_argument("--orm-up-to", type=int, default=100_000, help="the naive loop, by ORM")
    parser.add_argument("--loop-up-to", type=int, default=1_000_000, help="the naive loop, by SQL")
    options = parser.parse_args()
    with stores("alert_service", {}) as database:
        from goldalert.observability.log import logger

        logger.setLevel(logging.CRITICAL)
        # unlike the service's own, without time-outs and pool: for COPY, VACUUM and CHECKPOINT
        admin = create_engine(
            make_engine(database).url, poolclass=NullPool, isolation_level="AUTOCOMMIT"
        )
        results: Figures = {"copy_rows_per_s": {}, "sizes": {}}
        for size in options.sizes:
            print(f"{size:,} alerts", flush=True)
            bench = Bench(admin)
            results["sizes"][str(size)] = measure(bench, size, options)
            # what is known is kept, should the rest take too long for somebody
            save("alerts", results)
        results["copy_rows_per_s"] = measure_copy(Bench(admin))
        results["wal"] = measure_wal(Bench(admin), min(max(options.sizes), 1_000_000))
        results["fan_out"] = measure_fan_out(Bench(admin), 60_000)
        results["series"] = measure_series(Bench(admin))
        results["rearm"] = measure_rearm(Bench(admin), 10_000)
    results["targets"] = targets(results)
    for name, figure in results["targets"].items():
        print(f"  {name}: {figure}")
    save("alerts", results)
    plot(results["sizes"], PLOT)
    print(f"drawn in {PLOT.relative_to(ROOT)}")


class Bench:
    """An alert service with nothing in it but one price, and the actions of the bench."""

    def __init__(self, admin: Engine) -> None:
        from alert_service.bootstrap import services
        from alert_service.repository import Repository

        def timed(name: str) -> Callable[..., object]:
            method = getattr(Repository, name)

            def run(*args: object, **kwargs: object) -> object:
                started = time.perf_counter()
                try:
                    return method(*args, **kwargs)
                finally:
                    spent[name] += time.perf_counter() - started  # type: ignore[assignment]

            return run

        self.admin = admin
        self.services = services()
        self.repository = type("Timed", (Repository,), {name: timed(name) for name in TIMED})
        self.sequence = 0
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.price = PRICE
        self.sql(
            "TRUNCATE alerts, thresholds, series, ticks, skipped_ticks, alert_history, outbox, "
            "inbox"
        )
        self.tick(PRICE)

    def sql(self, statement: str, **parameters: object) -> Any:
        """Run a statement as administrator and return its first value, if it has any."""
        with self.admin.connect() as connection:
            result = connection.execute(text(statement), parameters)
            return result.scalar() if result.returns_rows else None

    def tick(self, price: Decimal, relay: Relay | None = None) -> float:
        """Deliver the next tick to the engine and return how many seconds that took."""
        from alert_service.use_cases import apply_ticks

        self.sequence += 1
        event = self.event(self.sequence, price)
        unit_of_work = UnitOfWork(self.services.engine, self.repository, relay)
        spent.clear()
        gc.collect()
        started = time.perf_counter()
        apply_ticks.on_price_updated(
            unit_of_work, self.services.cache, self.services.clock, event, lambda: True
        )
        took = time.perf_counter() - started
        self.price = price
        return took

    def event(self, sequence: int, price: Decimal) -> PriceUpdatedV1:
        return PriceUpdatedV1(
            occurred_at=self.now,
            producer="price_service",
            correlation_id=f"bench-{sequence:08}",
            data=PriceUpdatedData(
                tick=Tick(
                    tick_id=new_id(),
                    sequence=sequence,
                    slot=self.now + sequence * SLOT,
                    state="fresh",
                    origin="live",
                    sources=["swissquote", "coinbase", "gold-api.com"],
                    counted=3,
                    agreeing=3,
                    spread_bps=Decimal("1.5"),
                ),
                prices={"USD": price},
            ),
        )

    def load(self, size: int) -> float:
        """Arm alerts by COPY and return how many rows a second that were, of both tables."""
        started = time.perf_counter()
        with self.admin.connect() as connection:
            # superuser: no look at the other table for each row, which holds by construction
            connection.execute(text("SET session_replication_role = replica"))
            for portion in batched(alerts(size, self.sequence), PORTION, strict=False):
                copy(connection, f"alerts ({ALERT_COLUMNS})", (row for row, _ in portion))
                copy(connection, f"thresholds ({LEVEL_COLUMNS})", (row for _, row in portion))
        took = time.perf_counter() - started
        self.settle()
        return 2 * size / took

    def settle(self) -> None:
        """Leave the server nothing to do by itself while it is measured."""
        self.sql("VACUUM ANALYZE")
        self.sql("CHECKPOINT")

    def price_for(self, firing: int, direction: str) -> Decimal:
        """Return the price that makes so many alerts fire."""
        compare, order = (">", "") if direction == "up" else ("<", "DESC")
        return Decimal(
            self.sql(
                f"SELECT level_{direction} FROM thresholds WHERE series = :series "
                f"AND level_{direction} {compare} :price "
                f"ORDER BY level_{direction} {order} LIMIT 1 OFFSET :others",
                series=SERIES,
                price=self.price,
                others=firing - 1,
            )
        )

    def fire(self, firing: int, rounds: int, relay: Relay | None = None) -> Figures:
        """Measure ticks that make so many alerts fire, up and down in turn."""
        took, parts, fired = [], Counter[str](), 0
        before = self.sql("SELECT count(*) FROM alert_history")
        for number in range(rounds):
            direction = "up" if number % 2 == 0 else "down"
            if firing:
                price = self.price_for(firing, direction)
            else:
                # no alert is set as near to the price as this; back to where it has been
                price = self.price + (-1 if number % 2 == 0 else 1) * Decimal("0.01")
            took.append(self.tick(price, relay))
            parts.update(spent)
        fired = self.sql("SELECT count(*) FROM alert_history") - before
        if fired != firing * rounds:
            raise RuntimeError(f"{fired} alerts fired, not {firing * rounds}")
        usual = statistics.median(took)
        return {
            "ms": milliseconds(usual),
            "min_ms": milliseconds(min(took)),
            "rounds": rounds,
            "alerts_per_s": round(firing / usual),
            "in_repository_ms": {
                name: milliseconds(seconds / rounds) for name, seconds in parts.most_common()
            },
        }


def measure(bench: Bench, size: int, options: argparse.Namespace) -> Figures:
    found: Figures = {"load_rows_per_s": round(bench.load(size)), "firing": {}, "naive": {}}
    bench.fire(0, 10)
    for firing, rounds in FIRING.items():
        if firing * rounds * 2 > size:
            continue
        found["firing"][firing] = bench.fire(firing, rounds)
        show(f"{firing:,} fire", found["firing"][firing])
    found["plans"] = plans(bench)
    found["after_the_dead"] = bench.fire(0, 20)
    show("0 fire, after those that fired and no VACUUM", found["after_the_dead"])
    bench.settle()
    for name, limit in (("orm", options.orm_up_to), ("sql", options.loop_up_to)):
        for firing in NAIVE_FIRING:
            if size <= limit and firing * 4 <= size:
                found["naive"].setdefault(name, {})[firing] = naive(bench, name, firing)
    return found


def naive(bench: Bench, name: str, firing: int) -> Figures:
    """Measure a loop over all alerts, which does for those that fire what the engine does."""
    apply = {"orm": naive_alerts.by_orm, "sql": naive_alerts.by_sql}[name]
    # a hair above the last level, which this loop does not round
    hair = Decimal("1e-9")
    price = bench.price_for(firing, "up") + hair if firing else bench.price - hair
    gc.collect()
    started = time.perf_counter()
    fired = apply(bench.services.engine, bench.price, price, new_id(), bench.now)
    took = time.perf_counter() - started
    if fired != firing:
        raise RuntimeError(f"{fired} alerts fired, not {firing}")
    bench.price = price
    print(f"  naive loop by {name}, {firing:,} fire: {milliseconds(took):,} ms", flush=True)
    return {"ms": milliseconds(took)}


def plans(bench: Bench) -> Figures:
    """Return what the server itself does for the two looks at levels that a tick takes."""
    above = bench.price_for(1_000, "up")
    found = {}
    for name, low, high, limit in (
        ("none crossed", bench.price - Decimal("0.01"), bench.price, 500),
        ("1,000 crossed", bench.price, above, 1_000),
    ):
        [plan] = bench.sql(
            "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT t.ctid, a.* FROM thresholds t "
            "JOIN alerts a ON a.id = t.alert_id WHERE t.series = :series "
            "AND t.level_up > :low AND t.level_up <= :high LIMIT :limit",
            series=SERIES,
            low=low,
            high=high,
            limit=limit,
        )
        found[name] = {
            "server_ms": round(plan["Planning Time"] + plan["Execution Time"], 3),
            "buffers": plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"],
        }
    return found


# --- what is loaded ---

ALERT_COLUMNS = (
    "id, user_id, alert_type, threshold, currency, unit, karat, repeat, cooldown_minutes, "
    "hysteresis_percent, if_already_true, version, state, note, channels, created_at, updated_at"
)
LEVEL_COLUMNS = "alert_id, level_up, level_down, armed_after, series, kind"


def alerts(size: int, armed_after: int) -> Iterator[tuple[Sequence[object], Sequence[object]]]:
    """Yield alerts with their levels: half of them above the price, a quarter of them in grams.

    Most are near to the price, none within 0.05 percent of it.
    """
    random = Random(1)  # noqa: S311 - made-up alerts, no secret
    users = max(1, size // ALERTS_PER_USER)
    now = datetime.now(UTC).isoformat()
    karats = (Karat.K24, Karat.K22, Karat.K18)
    for number in range(size):
        alert_id = f"{number:016x}{random.getrandbits(64):016x}"
        user_id = UUID(int=random.randrange(users)).hex
        is_above = number % 2 == 0
        distance = 0.0005 + min(random.expovariate(1 / 0.03), 0.9)
        price = float(PRICE) * (1 + (distance if is_above else -distance))
        unit, karat = Unit.TROY_OUNCE, Karat.K24
        threshold = level = f"{price:.6f}"
        if number % 4 < 2 and random.random() < 0.5:
            unit, karat = Unit.GRAM, karats[number % 3]
            threshold = f"{price / 31.1034768 * karat / 24:.8f}"
            level = str(
                price_per_troy_ounce(
                    Decimal(threshold),
                    unit,
                    karat,
                    rounding=ROUND_FLOOR if is_above else ROUND_CEILING,
                )
            )
        yield (
            (
                *(alert_id, user_id, "above" if is_above else "below", threshold, "USD", unit),
                *(int(karat), "once", 0, "0.2", "wait", 1, "armed", "time to look at gold"),
                *("{email,in_app}", now, now),
            ),
            (
                *(alert_id, level if is_above else "", "" if is_above else level),
                *(armed_after, SERIES, "once"),
            ),
        )


def copy(connection: Connection, table: str, rows: Iterable[Sequence[object]]) -> None:
    stream = StringIO()
    csv.writer(stream).writerows(rows)
    stream.seek(0)
    driver = connection.connection.driver_connection
    if driver is None:
        raise RuntimeError("no connection")
    driver.cursor().execute(f"COPY {table} FROM STDIN WITH (FORMAT csv)", stream=stream)


# --- limits of the machine ---


def measure_copy(bench: Bench, rows: int = 100_000) -> Figures:
    """Return how many rows a second COPY takes: into a narrow table, and into the history."""
    bench.load(rows)
    bench.sql("CREATE UNLOGGED TABLE keys AS SELECT id, user_id FROM alerts")
    bench.sql("CREATE TABLE narrow (alert_id uuid, user_id uuid, level numeric, sequence bigint)")
    with bench.admin.connect() as connection:
        pairs = connection.execute(text("SELECT id, user_id FROM keys ORDER BY random()")).all()
    tick_id = new_id()
    narrow = [(alert_id, user_id, "4000.123456", 7) for alert_id, user_id in pairs]
    history = [
        (
            *(new_id(), alert_id, user_id, tick_id, bench.now, 1, "above", "4000.123456", "USD"),
            *("troy_ounce", 24, "4001.5", "4000", 1, "4001.5"),
        )
        for alert_id, user_id in pairs
    ]
    columns = (
        "id, alert_id, user_id, tick_id, triggered_at, version, alert_type, threshold, currency, "
        "unit, karat, value, value_before, sequence_before, value_after"
    )
    found = {
        "narrow_table": copy_rate(bench, "narrow", narrow),
        "history_with_indexes": copy_rate(bench, f"alert_history ({columns})", history),
    }
    bench.sql("DROP TABLE keys, narrow")
    for name, rate in found.items():
        print(f"  COPY into {name}: {rate:,} rows/s", flush=True)
    return found


def copy_rate(bench: Bench, table: str, rows: Sequence[Sequence[object]]) -> int:
    name = table.split()[0]
    took = []
    for _ in range(3):
        bench.sql(f"TRUNCATE {name}")
        stream = StringIO()
        csv.writer(stream).writerows(rows)
        stream.seek(0)
        with bench.admin.connect() as connection:
            driver = connection.connection.driver_connection
            if driver is None:
                raise RuntimeError("no connection")
            started = time.perf_counter()
            driver.cursor().execute(f"COPY {table} FROM STDIN WITH (FORMAT csv)", stream=stream)
            took.append(time.perf_counter() - started)
    return round(len(rows) / statistics.median(took))


def measure_wal(bench: Bench, size: int, firing: int = 10_000) -> Figures:
    """Return what a trigger writes into the log, without and with the images of pages that the
    first change of each after a checkpoint adds.
    """
    firing = min(firing, size // 10)
    bench.load(size)
    found: Figures = {"alerts": size, "firing": firing}
    for name, setting in (("bytes_per_alert", "off"), ("bytes_per_alert_after_checkpoint", "on")):
        bench.sql(f"ALTER SYSTEM SET full_page_writes = {setting}")
        bench.sql("SELECT pg_reload_conf()")
        while bench.sql("SHOW full_page_writes") != setting:
            time.sleep(0.1)
        bench.fire(100, 2)
        bench.sql("CHECKPOINT")
        since = bench.sql("SELECT pg_current_wal_insert_lsn()")
        bench.fire(firing, 1)
        written = bench.sql(
            "SELECT CAST(pg_current_wal_insert_lsn() - CAST(:since AS pg_lsn) AS bigint)",
            since=since,
        )
        found[name] = round(written / firing)
    bench.sql("ALTER SYSTEM RESET full_page_writes")
    bench.sql("SELECT pg_reload_conf()")
    bench.sql("SELECT pg_stat_force_next_flush()")
    with bench.admin.connect() as connection:
        row = connection.execute(
            text(
                "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'alerts'"
            )
        ).one()
    found["updates"], found["hot_updates"] = row
    print(f"  WAL: {found}", flush=True)
    return found


# --- what follows from a trigger ---


class CountingPublisher:
    """SNS, and how much of it was used."""

    def __init__(self, topic_arn_prefix: str) -> None:
        self._sns = SnsPublisher(topic_arn_prefix)
        self.messages = self.calls = self.bytes = 0

    def publish(self, topic: str, rows: Sequence[OutboxRow]) -> dict[UUID, str]:
        self.calls += 1
        self.messages += len(rows)
        self.bytes += sum(len(row.message) for row in rows)
        return self._sns.publish(topic, rows)


def measure_fan_out(bench: Bench, size: int) -> Figures:
    """Return what telling of alerts that fire takes of SNS and of a processor."""
    bench.load(size)
    found: Figures = {}
    prefix = bench.services.settings.topic_arn_prefix
    with sns_stub():
        for firing in (1_000, 10_000):
            at_once = CountingPublisher(prefix)
            bench.fire(firing, 1, OutboxRelay(bench.services.engine, at_once))
            bench.fire(firing, 1)
            later = CountingPublisher(prefix)
            relay = OutboxRelay(bench.services.engine, later)
            started = time.process_time()
            relay.run()
            cpu = time.process_time() - started
            found[str(firing)] = {
                "messages_per_alert": later.messages / firing,
                "bytes_per_alert": round(later.bytes / firing),
                "calls_per_alert_at_once": at_once.calls / firing,
                "calls_per_alert_later": later.calls / firing,
                "relay_cpu_us_per_alert": round(cpu / firing * 1e6, 1),
            }
            print(f"  {firing:,} told of: {found[str(firing)]}", flush=True)
    return found


# --- what does not fire ---


def measure_series(bench: Bench, ticks: int = 2_100) -> Figures:
    """Return what a tick costs that moves many series, on each of which some alert waits."""
    from alert_service.domain.series import SeriesName

    random = Random(2)  # noqa: S311 - made-up prices, no secret
    found: Figures = {"0": bench.fire(0, 20)["ms"]}
    for _ in range(ticks):
        bench.tick((bench.price * Decimal(1 + random.gauss(0, 0.0006))).quantize(Decimal("0.01")))
    bench.settle()
    found[f"0, after {ticks:,} ticks"] = bench.fire(0, 20)["ms"]
    names = {
        "change": [SeriesName("USD", "change", window) for window in ("1h", "24h", "7d")],
        "sma": [SeriesName("USD", "sma", str(period)) for period in range(2, 501)],
        "trailing": [SeriesName("USD", "trailing", str(since)) for since in range(2, 1_002)],
    }
    for measure_, counts in (("change", (3,)), ("sma", (10, 100, 499)), ("trailing", (100, 1_000))):
        for count in counts:
            bench.sql("DELETE FROM series WHERE name LIKE 'price:%:%'")
            for some in batched(names[measure_][:count], 100, strict=False):
                with bench.services.unit_of_work.begin() as tx:
                    for name in some:
                        tx.repository.share_series(name)
            found[f"{count} {measure_}"] = bench.fire(0, 10)["ms"]
    bench.sql("DELETE FROM series WHERE name LIKE 'price:%:%'")
    for name, figure in found.items():
        print(f"  a tick, series besides the price: {name}: {figure} ms", flush=True)
    return found


def measure_rearm(bench: Bench, size: int) -> Figures:
    """Return what it costs to arm alerts whose cooldown is over."""
    from alert_service.use_cases import rearm

    bench.load(size)
    bench.sql("DELETE FROM thresholds")
    bench.sql("UPDATE alerts SET repeat = 'every', state = 'cooling', due_at = now()")
    bench.settle()
    spent.clear()
    started = time.perf_counter()
    rearm.rearm_due_alerts(
        UnitOfWork(bench.services.engine, bench.repository),
        bench.services.cache,
        bench.services.clock,
        lambda: True,
        at=datetime.now(UTC),
    )
    took = time.perf_counter() - started
    if bench.sql("SELECT count(*) FROM thresholds") != size:
        raise RuntimeError("not all are armed")
    found = {"alerts": size, "ms": milliseconds(took), "alerts_per_s": round(size / took)}
    print(f"  armed again after a cooldown: {found}", flush=True)
    return found


# --- what it comes to ---


def targets(results: Figures) -> Figures:
    """Return the figures that are to be reached, as ratios of this run."""
    sizes, found = results["sizes"], {}

    def of(size: int, *path: Any) -> float | None:
        value: Any = sizes.get(str(size))
        for name in path:
            value = value.get(name) if value else None
        return value

    for firing in NAIVE_FIRING:
        for name in ("orm", "sql"):
            naive_ms = of(100_000, "naive", name, firing, "ms")
            tick_ms = of(100_000, "firing", firing, "ms")
            if naive_ms and tick_ms:
                found[f"loop by {name} to tick, 100,000 alerts, {firing:,} fire"] = round(
                    naive_ms / tick_ms
                )
                claims = of(100_000, "firing", firing, "in_repository_ms")
                claim_ms = claims.get("claim", 0) + claims.get("crossed", 0)  # type: ignore[attr-defined]
                found[f"loop by {name} to claim, 100,000 alerts, {firing:,} fire"] = round(
                    naive_ms / claim_ms
                )
    small, large = of(10_000, "firing", 0, "ms"), of(5_000_000, "firing", 0, "ms")
    if small and large:
        found["tick at 5,000,000 to tick at 10,000, none fires"] = round(large / small, 2)
    rate = of(1_000_000, "firing", 10_000, "alerts_per_s")
    for name, most in results["copy_rows_per_s"].items():
        if rate:
            found[f"percent of COPY, {name}"] = round(100 * rate / most, 1)
    found["bytes of WAL per alert"] = results["wal"]["bytes_per_alert"]
    found |= {f"{firing} told of": figures for firing, figures in results["fan_out"].items()}
    return found


def plot(sizes: Figures, path: Path) -> None:
    """Draw how the time of a tick grows with the number of alerts."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")

    def line(label: str, style: str, *where: Any) -> None:
        points = []
        for size, found in sizes.items():
            for name in where:
                found = found.get(name) or {}
            if found:
                points.append((int(size), found["ms"]))
        if points:
            axes.plot(*zip(*points, strict=True), style, label=label)

    line("load all and loop (ORM), none fires", "s--", "naive", "orm", 0)
    line("load all and loop (SQL), none fires", "d--", "naive", "sql", 0)
    for firing in sorted(FIRING, reverse=True):
        line(f"engine, {firing:,} fire", "o-", "firing", firing)
    axes.set(xscale="log", yscale="log", xlabel="armed alerts", ylabel="ms for a tick, median")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1, 1))
    figure.savefig(path, dpi=100, metadata={"Software": None})


def milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 2)


def show(name: str, figures: Figures) -> None:
    parts = ", ".join(
        f"{part} {took}" for part, took in islice(figures["in_repository_ms"].items(), 6)
    )
    print(f"  {name}: {figures['ms']:,} ms ({parts})", flush=True)


if __name__ == "__main__":
    main()
