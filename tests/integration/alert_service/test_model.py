"""The engine against a plain loop over all alerts: the same triggers, always (R6, R7)."""

import os
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from alert_service.use_cases import apply_ticks, rearm
from goldalert.db.engine import make_engine
from goldalert.secrets import DatabaseSecret

from .conftest import World
from .machine import AlertMachine

EXAMPLES = int(os.environ.get("PROOF_EXAMPLES") or 25)


def test_the_engine_and_a_plain_loop_over_all_alerts_do_the_same(
    database: Callable[[str], DatabaseSecret], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (apply_ticks, rearm):
        monkeypatch.setattr(module, "CHUNK_ROWS", 2)
    engine = make_engine(database("alert_service"))

    class Machine(AlertMachine):
        world = World(engine)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=40,
            deadline=None,
            database=None,
            derandomize="PROOF_EXAMPLES" not in os.environ,
            suppress_health_check=list(HealthCheck),
        ),
    )
    engine.dispose()
