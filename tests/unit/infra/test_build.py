"""What is deployed is the same for the same source, and compiled."""

import hashlib
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.build import Builder, BuildError

UV = Path(__file__).parents[3] / ".local" / "envs" / "tools" / "bin" / "uv"
SOURCE = {
    "functions/auth_service/__init__.py": "",
    "functions/auth_service/domain.py": "KINDS = frozenset({'a', 'b', 'c'})\nANSWER = 1\n",
    "functions/auth_service/pages/verify.html": "<p>",
    "functions/auth_service/README.md": "# auth",
    "functions/auth_service/migrations/v1.py": "revision = '1'\n",
    "functions/user_service/__init__.py": "",
    "functions/user_service/migrations/v1.py": "revision = '1'\n",
    "functions/migrator/__init__.py": "",
    "shared_layer/goldalert/__init__.py": "",
    "shared_layer/requirements.txt": "# nothing\n",
}


def lay(root: Path) -> Path:
    for place, text in SOURCE.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text(text)
    return root


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return lay(tmp_path / "project")


def build(project: Path) -> list[str]:
    return Builder(project, "local", UV).build()


def contents(folder: Path) -> dict[str, tuple[str, float, int]]:
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
            path.stat().st_mtime,
            path.stat().st_mode,
        )
        for path in folder.rglob("*")
        if not path.relative_to(folder).parts[0].startswith(".")
    }


def test_the_same_source_gives_the_same_bytes_anywhere(project: Path, tmp_path: Path) -> None:
    other = lay(tmp_path / "elsewhere" / "deeper")
    os.utime(other / "functions" / "auth_service" / "domain.py", (1, 1))
    build(project)
    build(other)
    assert contents(project / ".build") == contents(other / ".build")


def test_a_part_that_has_not_changed_is_left_alone(project: Path) -> None:
    assert build(project) == ["auth_service", "migrator", "user_service", "layer"]
    assert build(project) == []


def test_a_change_of_one_service_changes_that_service_only(project: Path) -> None:
    build(project)
    before = contents(project / ".build")
    (project / "functions" / "auth_service" / "domain.py").write_text("ANSWER = 2\n")
    assert build(project) == ["auth_service"]
    changed = {
        place for place, seen in contents(project / ".build").items() if before.get(place) != seen
    }
    assert changed
    assert {Path(place).parts[0] for place in changed} == {"auth_service"}


def test_a_change_of_the_library_changes_the_layer_only(project: Path) -> None:
    build(project)
    (project / "shared_layer" / "goldalert" / "clock.py").touch()
    assert build(project) == ["layer"]


def test_a_damaged_part_is_built_again_when_its_folder_is_gone(project: Path) -> None:
    build(project)
    (project / ".build" / "auth_service").rename(project / "gone")
    assert build(project) == ["auth_service"]


def test_a_service_that_is_gone_leaves_nothing(project: Path) -> None:
    build(project)
    (project / "functions" / "user_service" / "__init__.py").unlink()
    build(project)
    assert not (project / ".build" / "user_service").exists()


def test_migrations_are_the_migrator_s(project: Path) -> None:
    build(project)
    migrations = {
        str(path.relative_to(project / ".build")) for path in (project / ".build").rglob("v1.py")
    }
    assert migrations == {
        "migrator/auth_service/migrations/v1.py",
        "migrator/user_service/migrations/v1.py",
    }
    assert not (project / ".build" / "migrator" / "auth_service" / "domain.py").exists()


def test_data_files_are_taken_and_documents_are_not(project: Path) -> None:
    build(project)
    service = project / ".build" / "auth_service" / "auth_service"
    assert (service / "pages" / "verify.html").exists()
    assert not (service / "README.md").exists()


def test_the_compiled_file_is_used_whatever_the_time_of_its_source(project: Path) -> None:
    build(project)
    code = project / ".build" / "auth_service"
    compiled = Path(importlib.util.cache_from_source(str(code / "auth_service" / "domain.py")))
    flags = int.from_bytes(compiled.read_bytes()[4:8], "little")
    assert flags == 0b01  # by hash, and not checked
    # a source that says something else is not looked at
    (code / "auth_service" / "domain.py").write_text("ANSWER = 'from the source'\n")
    printed = subprocess.run(
        [sys.executable, "-c", "from auth_service.domain import ANSWER; print(ANSWER)"],
        cwd=code,
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout == "1\n"


def test_compiled_files_hold_no_path_of_this_machine(project: Path) -> None:
    build(project)
    for compiled in (project / ".build").rglob("*.pyc"):
        assert str(project).encode() not in compiled.read_bytes()


def test_code_that_does_not_compile_is_told(project: Path) -> None:
    (project / "functions" / "auth_service" / "domain.py").write_text("ANSWER = \n")
    with pytest.raises(BuildError, match="does not compile"):
        build(project)


def test_packages_without_hashes_are_refused(project: Path) -> None:
    (project / "shared_layer" / "requirements.txt").write_text("six\n")
    with pytest.raises(BuildError, match="could not be installed"):
        build(project)
