"""Fixtures of every suite that runs through the real engine.

    def test_it(cli: Cli) -> None:            # from tests.conformance.cli import Cli
        cli.program("import pulumi; pulumi.export('a', 1)")
        cli.up()
        assert cli.outputs() == {"a": 1}

`cli` is a fresh project with an empty stack, the stand-ins on PATH and nothing of the machine's own Pulumi
in reach. `engine` skips the test, saying why, where no engine can be had. Both are safe under pytest-xdist.
"""

import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import paths
from sandbox.engine.engine import Engine, find_or_build
from sandbox.errors import SandboxError
from tests.conformance.cli import Cli, make_project


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The Pulumi engine, found or built once; the test is skipped where it cannot be had."""
    paths.CACHE.mkdir(parents=True, exist_ok=True)
    # pytest-xdist's workers ask at once: the first one builds, the others find it built.
    with (paths.CACHE / "engine.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            return find_or_build()
        except SandboxError as error:
            pytest.skip(f"no Pulumi engine: {error}")


@pytest.fixture(scope="session")
def blank(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an empty project and its stack, to copy: making a stack costs half a second."""
    folder = tmp_path_factory.mktemp("blank")
    make_project(engine, folder)
    return folder


@pytest.fixture
def cli(engine: Engine, blank: Path, tmp_path: Path) -> Iterator[Cli]:
    """A project of its own with an empty stack; see `Cli`."""
    shutil.copytree(blank, tmp_path, dirs_exist_ok=True)
    project = Cli(engine, tmp_path)
    yield project
    project.close()
