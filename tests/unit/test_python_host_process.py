"""The language host as the engine starts it: a process that says its port and ends with the engine."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.engine.engine import HOST, OUR_HOST

PATIENCE_S = 4.0
"""The engine waits for a plugin 5 s before it kills it."""


@pytest.fixture
def host(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A host that serves, in a folder whose modules are none of its business."""
    (tmp_path / "runner").touch()
    (tmp_path / "grpc.py").write_text("raise SystemExit('taken for a module of the host')")
    command = [OUR_HOST / HOST, "--use-executor", tmp_path / "runner", "-v=9", "--logtostderr", "127.0.0.1:1"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert 0 < int(process.stdout.readline()) < 65536
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_it_is_told_to(host: subprocess.Popen[str], number: signal.Signals) -> None:
    host.send_signal(number)
    assert host.wait(PATIENCE_S) == 0


def test_it_ends_when_the_engine_is_gone(host: subprocess.Popen[str]) -> None:
    assert host.stdout is not None
    host.stdout.close()
    assert host.wait(PATIENCE_S) == 0


def test_a_missing_runner_is_one_line() -> None:
    # Started by this test, which has no runner beside it.
    done = subprocess.run([OUR_HOST / HOST], capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert done.stderr.startswith("pulumi-language-python: no runner of Python programs at ")
    assert done.stderr.count("\n") == 1
