"""A worker of the alert engine, in a process of its own, which can be killed for real."""

import multiprocessing
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.context import ForkServerProcess
from multiprocessing.synchronize import Barrier

from sqlalchemy import event

from alert_service.errors import SeriesBusyError
from alert_service.repository import Repository
from alert_service.use_cases import apply_ticks, rearm
from goldalert.cache.cache_aside import Cache
from goldalert.cache.client import RedisDatabase
from goldalert.db.engine import make_engine
from goldalert.db.unit_of_work import UnitOfWork
from goldalert.events.catalogue import parse_event
from goldalert.secrets import DatabaseSecret

BUSY = 3
"""The exit code of a worker that has left the series to another one."""

# a process that has all loaded and runs no thread gives birth to each worker
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__])


@dataclass(frozen=True)
class FixedClock:
    time: datetime

    def now(self) -> datetime:
        return self.time


def start_worker(
    database: DatabaseSecret,
    message: str,
    now: datetime,
    *,
    kill_at: int = 0,
    chunk_rows: int,
    start: Barrier | None = None,
) -> ForkServerProcess:
    """Start to apply a tick.

    Args:
        database: of the alert service.
        message: the tick's event.
        now: the time of the worker's clock.
        kill_at: the statement or commit before which the worker gets a SIGKILL; 0 for none.
        chunk_rows: how many levels it claims at once.
        start: where it waits for others.
    """
    process = _context.Process(
        target=_work, args=(database, message, now, kill_at, chunk_rows, start)
    )
    process.start()
    return process


def make_barrier(parties: int) -> Barrier:
    return _context.Barrier(parties)


def end(processes: Sequence[ForkServerProcess]) -> list[int | None]:
    """Wait for workers and return their exit codes: negative ones are signals."""
    codes = []
    for process in processes:
        process.join()
        codes.append(process.exitcode)
        process.close()
    return codes


def _work(
    database: DatabaseSecret,
    message: str,
    now: datetime,
    kill_at: int,
    chunk_rows: int,
    start: Barrier | None,
) -> None:
    for module in (apply_ticks, rearm):
        module.CHUNK_ROWS = chunk_rows
    engine = make_engine(database)
    count = 0

    def before(*_: object) -> None:
        nonlocal count
        count += 1
        if count == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    for name in ("before_cursor_execute", "commit"):
        event.listen(engine, name, before)
    no_cache = Cache(RedisDatabase("redis://127.0.0.1:1/3"), ttl_seconds=1)
    if start is not None:
        start.wait()
    try:
        apply_ticks.on_price_updated(
            UnitOfWork(engine, Repository),
            no_cache,
            FixedClock(now),
            parse_event(message),
            lambda: True,
        )
    except SeriesBusyError:
        os._exit(BUSY)
