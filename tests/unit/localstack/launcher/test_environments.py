"""The environments, and what can go wrong before there is any: it is told in one line."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from goldalert_local import environments
from goldalert_local.environments import Environment
from goldalert_local.profiles import ROOT

UV_WITHOUT_NETWORK = """\
error: Failed to fetch: https://pypi.org/simple/six/
  cause: error sending request for url (https://pypi.org/simple/six/)
  cause: client error (Connect)
  cause: dns error
"""
UV_BEHIND_A_DEAD_PROXY = """\
error: Failed to fetch: https://pypi.org/simple/six/
  cause: error sending request for url (https://pypi.org/simple/six/)
  cause: client error (Connect)
  cause: tunnel error: failed to create underlying connection
"""
PIP_WITHOUT_NETWORK = """\
ERROR: Could not find a version that satisfies the requirement uv==0.9.0 (from versions: none)
ERROR: No matching distribution found for uv==0.9.0
"""


def quoted_in_readme(message: str) -> bool:
    return f"| `{message}` |" in (ROOT / "README.md").read_text()


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine with no Python, uv or pyenv."""
    programs = tmp_path / "bin"
    programs.mkdir()
    dirname = shutil.which("dirname")
    assert dirname
    (programs / "dirname").symlink_to(dirname)
    return {"PATH": str(programs), "HOME": str(tmp_path)}


def bootstrap(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # the script of this repository
        ["/bin/sh", str(ROOT / "localstack" / "bootstrap.sh"), "dev"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_machine_without_python_is_told_in_one_line(bare: dict[str, str]) -> None:
    result = bootstrap(bare)
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == (
        "error: Python 3.13 was not found: install it, or name it with PYTHON=/path/to/python3.13\n"
    )
    assert quoted_in_readme("Python 3.13 was not found")


def test_no_home_is_no_obstacle(bare: dict[str, str]) -> None:
    del bare["HOME"]
    assert bootstrap(bare).stderr.startswith("error: Python 3.13 was not found")


@pytest.mark.parametrize("name", ["python3.13", "python3"])
def test_a_pyenv_shim_of_a_version_that_is_not_active_is_no_python(
    name: str, bare: dict[str, str]
) -> None:
    shim = Path(bare["PATH"]) / name
    shim.write_text(f"#!/bin/sh\necho 'pyenv: {name}: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    result = bootstrap(bare)
    assert result.stderr.startswith("error: Python 3.13 was not found")
    assert result.stderr.count("\n") == 1


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file whose text the making of an environment says before it fails."""
    said = tmp_path / "said"

    def fail(environment: Environment) -> None:
        environments.run(environment, ["sh", "-c", 'cat "$0"; exit 2', str(said)])

    monkeypatch.setattr(environments, "ENVIRONMENTS", tmp_path / "envs")
    monkeypatch.setattr(environments, "LOG", tmp_path / "failure.log")
    monkeypatch.setattr(environments, "ALL", {"tools": Environment("tools", (), fail)})
    return said


@pytest.mark.parametrize(
    "words",
    [UV_WITHOUT_NETWORK, UV_BEHIND_A_DEAD_PROXY, PIP_WITHOUT_NETWORK],
    ids=["uv without network", "uv behind a dead proxy", "pip without network"],
)
def test_an_unreachable_registry_is_told_in_one_line(
    words: str, make: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make.write_text(words)
    assert environments.main([]) == 1
    progress, message = capsys.readouterr().err.splitlines()
    assert progress.split() == ["environment", "tools", "stopped"]
    assert message == (
        "error: the package registry cannot be reached: check the network or the proxy "
        f"(log: {tmp_path / 'failure.log'})"
    )
    assert words in (tmp_path / "failure.log").read_text()
    assert quoted_in_readme("the package registry cannot be reached")


def test_another_failure_is_not_blamed_on_the_network(
    make: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make.write_text("error: hash mismatch")
    assert environments.main([]) == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("error: the environment tools could not be made, see ")


def test_the_readme_lists_every_environment_with_its_lock() -> None:
    readme = (ROOT / "localstack" / "README.md").read_text()
    rows = [row.split(" | ") for row in readme.splitlines() if row.startswith("| `")]
    listed = [(row[0].strip("| `"), row[-1].strip("| `")) for row in rows if "txt" in row[-1]]
    assert listed == [
        (name, os.path.relpath(environment.sources[0], ROOT / "localstack"))
        for name, environment in environments.ALL.items()
    ]
