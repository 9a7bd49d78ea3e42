"""Stages what is deployed: .build/<service>/ (a CodeUri each) and .build/layer/.

Everything is byte-compiled, since a cold start that has to compile takes two to four times as long.
The same source gives the same bytes, so that a change of one service changes that service's
functions only; a part whose source has not changed is left alone.
"""

import argparse
import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# uv's names of the platforms; "local" is the machine that builds
PLATFORMS = {
    "local": None,
    "x86_64": "x86_64-manylinux_2_28",
    "arm64": "aarch64-manylinux_2_28",
}
PYTHON_VERSION = (3, 13)
# The earliest time that a zip archive can hold.
MTIME = 315_532_800
# What installers write down about the machine and the moment.
INSTALLER_FILES = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"}
LEFT_OUT = {"__pycache__", "tests", "README.md", ".DS_Store"}


class BuildError(Exception):
    """One line that says what is wrong."""


@dataclass(frozen=True)
class Part:
    """One folder under .build: its files by their place in it, and the packages it needs."""

    name: str
    files: dict[str, Path]
    requirements: Path | None = None

    def fingerprint(self, platform: str) -> str:
        digest = hashlib.sha256(Path(__file__).read_bytes())
        digest.update(f"{sys.version} {platform}".encode())
        for place, source in sorted(self.files.items()):
            content = hashlib.sha256(source.read_bytes()).hexdigest()
            digest.update(f"\n{place} {content}".encode())
        if self.requirements:
            digest.update(self.requirements.read_bytes())
        return digest.hexdigest()


class Builder:
    """Builds the parts of the tree at `root` into its .build folder."""

    def __init__(self, root: Path, platform: str, uv: Path) -> None:
        self._root = root
        self._platform = platform
        self._uv = uv
        self._output = root / ".build"
        self._marks = self._output / ".fingerprints"

    def build(self) -> list[str]:
        """Build what has changed, remove what is gone; return the names of what was built."""
        self._marks.mkdir(parents=True, exist_ok=True)
        with exclusive(self._output / ".lock"):
            parts = [*self._services(), self._layer()]
            self._remove_all_but({part.name for part in parts})
            return [part.name for part in parts if self._build_if_changed(part)]

    def _services(self) -> list[Part]:
        functions = self._root / "functions"
        packages = sorted(path.parent for path in functions.glob("*/__init__.py"))
        migrations = {
            f"{package.name}/migrations/{place}": source
            for package in packages
            for place, source in files_below(package / "migrations")
        }
        parts = []
        for package in packages:
            # Only the migrator runs migrations.
            files = {
                f"{package.name}/{place}": source
                for place, source in files_below(package)
                if not place.startswith("migrations/")
            }
            if package.name == "migrator":
                files |= migrations
            if package.name == "api_gateway":
                files["api_gateway/openapi.json"] = self._described_api()
            parts.append(Part(package.name, files))
        return parts

    def _described_api(self) -> Path:
        """The OpenAPI document, generated from the routes of all services."""
        output = self._output / ".openapi" / "openapi.json"
        command = [sys.executable, str(self._root / "infra" / "openapi.py"), str(output)]
        folders = [str(self._root / "functions"), str(self._root / "shared_layer")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
        result = subprocess.run(  # noqa: S603  # our own
            command, env=environment, capture_output=True, text=True, check=False
        )
        if result.returncode:
            raise BuildError(f"the API could not be described: {result.stderr.strip()}")
        return output

    def _layer(self) -> Part:
        library = self._root / "shared_layer" / "goldalert"
        files = {f"python/goldalert/{place}": source for place, source in files_below(library)}
        return Part("layer", files, self._root / "shared_layer" / "requirements.txt")

    def _remove_all_but(self, names: set[str]) -> None:
        for path in self._output.iterdir():
            if path.is_dir() and not path.name.startswith(".") and path.name not in names:
                shutil.rmtree(path)

    def _build_if_changed(self, part: Part) -> bool:
        target = self._output / part.name
        mark = self._marks / part.name
        fingerprint = part.fingerprint(self._platform)
        if target.exists() and mark.exists() and mark.read_text() == fingerprint:
            return False
        staging = self._output / ".staging"
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        for place, source in part.files.items():
            (staging / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, staging / place)
        byte_compile(staging)
        if part.requirements:
            packages = self._installed(part.requirements)
            shutil.copytree(packages, staging / "python", copy_function=os.link, dirs_exist_ok=True)
        else:
            # sam build wants one beside the code; the packages are in the layer.
            (staging / "requirements.txt").touch()
        make_uniform(staging)
        mark.unlink(missing_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        staging.rename(target)
        mark.write_text(fingerprint)
        return True

    def _installed(self, requirements: Path) -> Path:
        """The locked packages for the platform, installed once for each content of the lock."""
        key = hashlib.sha256(requirements.read_bytes() + f"{self._platform}{sys.version}".encode())
        folder = self._output / ".packages" / key.hexdigest()[:16]
        if folder.exists():
            return folder
        shutil.rmtree(folder.parent, ignore_errors=True)
        staging = folder.with_name("staging")
        command = [
            *(str(self._uv), "pip", "install", "--quiet", "--require-hashes"),
            *("--target", str(staging), "--python", sys.executable, "-r", str(requirements)),
        ]
        if platform := PLATFORMS[self._platform]:
            command += ["--python-platform", platform, "--only-binary", ":all:"]
        staging.mkdir(parents=True)
        result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own
        if result.returncode:
            raise BuildError(
                f"the layer's packages could not be installed: {result.stderr.strip()}"
            )
        shutil.rmtree(staging / "bin", ignore_errors=True)
        for path in sorted(staging.rglob("*"), reverse=True):
            if path.name in {"__pycache__", "tests"} and path.is_dir():
                shutil.rmtree(path)
            elif path.name in INSTALLER_FILES and path.parent.suffix == ".dist-info":
                path.unlink()
        byte_compile(staging)
        staging.rename(folder)
        return folder


def files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file that is deployed, with its place relative to the folder."""
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and not LEFT_OUT.intersection(relative.parts) and path.suffix != ".pyc":
            yield relative.as_posix(), path


def byte_compile(folder: Path) -> None:
    """Write .pyc files that hold for their source whatever its time, without this folder's path."""
    command = [
        *(sys.executable, "-m", "compileall", "-q", "-s", str(folder), "-p", "/"),
        *("--invalidation-mode", "unchecked-hash", str(folder)),
    ]
    # in a process of its own, for what this one has done before would show in the bytes
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own
    if result.returncode:
        raise BuildError(f"the code does not compile: {result.stdout.strip()}")


def make_uniform(folder: Path) -> None:
    """Give everything the same times and modes on every machine."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (MTIME, MTIME))


@contextlib.contextmanager
def exclusive(lock: Path) -> Iterator[None]:
    """Two stacks may start, and so build, at the same time."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main(arguments: Iterable[str]) -> int:
    parser = argparse.ArgumentParser(description="Stage the functions and the layer in .build.")
    parser.add_argument("--platform", choices=PLATFORMS, default="local")
    options = parser.parse_args(list(arguments))
    if sys.version_info[:2] != PYTHON_VERSION:
        print(f"error: the functions run on Python 3.13, and this is {sys.version}")
        return 1
    uv = ROOT / ".local" / "envs" / "tools" / "bin" / "uv"
    try:
        built = Builder(ROOT, options.platform, uv).build()
    except BuildError as error:
        print(f"error: {error}")
        return 1
    print(f"built {', '.join(built)}" if built else "everything is up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
