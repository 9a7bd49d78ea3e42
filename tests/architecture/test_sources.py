"""The shape of the source tree: imports go one way, files stay small, READMEs stay true."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.openapi import resolvers, routes
from tests.support.services import FUNCTIONS, ROOT, SERVICES, handler_files, tables

CONSUMER_FILES = [
    FUNCTIONS / service / "handlers" / f"{handler}.py"
    for service, handler in handler_files()
    if handler.startswith("on_")
]


def readme(service: str) -> str:
    return FUNCTIONS.joinpath(service, "README.md").read_text(encoding="utf-8")


def unnamed_parameters(text: str) -> str:
    """`/alert/{id}` and `/alert/{alert_id}` are one path."""
    return re.sub(r"\{\w+\}", "{}", text)


def test_imports_go_one_way() -> None:
    """The contracts are in `pyproject.toml`, under `tool.importlinter`."""
    linter = Path(sys.executable).with_name("lint-imports")
    environment = {**os.environ, "PYTHONPATH": f"{FUNCTIONS}{os.pathsep}{ROOT / 'shared_layer'}"}
    result = subprocess.run(  # noqa: S603 - our own
        [linter, "--no-cache"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("path", CONSUMER_FILES, ids=lambda path: f"{path.parts[-3]}.{path.stem}")
def test_consumer_files_only_pass_on(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 30


@pytest.mark.parametrize("path", CONSUMER_FILES, ids=lambda path: f"{path.parts[-3]}.{path.stem}")
def test_a_consumer_is_named_after_its_file(path: Path) -> None:
    """R7: one that had another's name would take its events for handled."""
    named = re.findall(r"consumer=(.+),", path.read_text(encoding="utf-8"))
    assert set(named) <= {f'"{path.parts[-3]}.{path.stem}"'}


def test_the_environment_is_read_in_one_place() -> None:
    readers = {
        path.relative_to(ROOT).as_posix()
        for folder in (FUNCTIONS, ROOT / "shared_layer")
        for path in folder.rglob("*.py")
        if "os.environ" in (text := path.read_text(encoding="utf-8")) or "os.getenv" in text
    }
    assert readers == {"shared_layer/goldalert/settings.py"}


@pytest.mark.parametrize("service", sorted(resolvers()))
def test_the_readme_names_every_route(service: str) -> None:
    text = unnamed_parameters(readme(service))
    paths = {unnamed_parameters(route.openapi_path) for route in routes(resolvers()[service])}
    assert {path for path in paths if path not in text} == set()


@pytest.mark.parametrize("service", SERVICES)
def test_the_readme_names_every_table(service: str) -> None:
    text = readme(service)
    assert {table for table in tables(service) if f"`{table}`" not in text} == set()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_an_outbox_if_it_has_what_empties_it(service: str) -> None:
    has_relay = (service, "scheduled_relay_outbox") in set(handler_files())
    assert ("outbox" in tables(service)) == has_relay


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_with_an_inbox_has_a_schedule_that_removes_its_old_rows(service: str) -> None:
    schedules = (FUNCTIONS / service / "handlers").glob("scheduled_*.py")
    removed = any('"inbox"' in path.read_text(encoding="utf-8") for path in schedules)
    assert ("inbox" in tables(service)) == removed


@pytest.mark.parametrize("service", SERVICES)
def test_the_readme_names_every_subscription(service: str) -> None:
    text = readme(service)
    consumers = {handler for owner, handler in handler_files() if owner == service}
    events = {h.removeprefix("on_") for h in consumers if h.startswith("on_")}
    assert {event for event in events if f"`{event}`" not in text} == set()
