"""The processes that the language host runs."""

import os
import signal
import sys
import time

import pytest

from sandbox.plugins.python_host import children
from sandbox.plugins.python_host.errors import HostError

DEFIANT = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(20)"


def _python(source: str) -> list[str]:
    return [sys.executable, "-c", source]


def test_output_comes_as_it_is_written_and_the_code_after_it() -> None:
    child = children.Children().start(
        _python("import sys; sys.stdout.write('a' * 100_000); sys.stderr.write('b'); sys.exit(7)"),
        os.environ,
        piped=True,
    )
    said = {"stdout": b"", "stderr": b""}
    for stream, data in child.output():
        assert len(data) <= children.CHUNK
        said[stream] += data

    assert said == {"stdout": b"a" * 100_000, "stderr": b"b"}
    assert child.wait() == 7


def test_what_a_process_started_ends_with_it() -> None:
    child = children.Children().start(
        _python("import subprocess; print(subprocess.Popen(['sleep', '60']).pid)"), os.environ, piped=True
    )
    began = time.monotonic()
    (pid,) = b"".join(data for _, data in child.output()).split()  # would last as long as the sleep

    assert time.monotonic() - began < 30
    assert child.wait() == 0
    assert not os.path.exists(f"/proc/{int(pid)}/exe")


def test_a_stopped_process_ends_by_the_signal() -> None:
    child = children.Children().start(["sleep", "60"], os.environ)
    child.stop()
    child.stop()

    assert child.wait() == -signal.SIGTERM
    child.stop()  # and it is harmless when there is nothing left


def test_a_process_that_ignores_it_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children, "GRACE_S", 0.1)
    child = children.Children().start(_python(DEFIANT), os.environ, piped=True)
    for _, data in child.output():
        if b"up" in data:
            child.stop()

    assert child.wait() == -signal.SIGKILL


def test_after_a_cancel_nothing_runs_and_nothing_starts() -> None:
    running = children.Children()
    child = running.start(["sleep", "60"], os.environ)
    running.close()

    assert child.ended.is_set()
    with pytest.raises(HostError, match="cancelled"):
        running.start(["true"], os.environ)


def test_a_folder_that_is_missing_is_named() -> None:
    with pytest.raises(HostError, match="cannot start python: No such file or directory"):
        children.Children().start(["python"], os.environ, folder=children.Path("/nowhere"))
