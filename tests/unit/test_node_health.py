"""A wait for a program says why it does not become ready."""

from pathlib import Path

import pytest

from sandbox import paths
from sandbox.cluster import health, supervisor
from sandbox.cluster.health import Check, NotReadyError
from sandbox.cluster.supervisor import Process
from sandbox.errors import SandboxError


def _not_ready() -> None:
    raise NotReadyError("still empty")


def _supervised(state: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    def process(name: str) -> Process:
        return Process(name=name, state=state, pid=0, uptime_s=0, why="exited too quickly")

    monkeypatch.setattr(supervisor, "process", process)
    monkeypatch.setattr(paths, "LOGS", folder)
    (folder / "etcd.log").write_text("\n".join(f"line {number}" for number in range(100)))


def test_a_program_that_gave_up_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _supervised("FATAL", monkeypatch, tmp_path)
    with pytest.raises(SandboxError, match=r"etcd is not ready, it keeps ending \(exited too quickly\): still empty"):
        health.wait(Check(program="etcd", what="etcd", probe=_not_ready, timeout_s=3600))
    said = capsys.readouterr().err
    assert "line 99" in said
    assert "line 84" not in said


def test_time_is_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _supervised("RUNNING", monkeypatch, tmp_path)
    with pytest.raises(SandboxError, match=r"after 0 s: still empty \(process RUNNING, log: .*etcd\.log\)"):
        health.wait(Check(program="etcd", what="etcd", probe=_not_ready, timeout_s=0))


def test_ready_at_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _supervised("STARTING", monkeypatch, tmp_path)
    answers = iter([OSError("refused"), None])

    def probe() -> None:
        answer = next(answers)
        if answer:
            raise answer

    health.wait(Check(program="etcd", what="etcd", probe=probe))
