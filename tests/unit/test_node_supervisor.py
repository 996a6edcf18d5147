"""The configuration of the node's first process, read by supervisord's own reader."""

import importlib
from pathlib import Path
from typing import Any

import pytest

from sandbox import paths
from sandbox.cluster import supervisor
from sandbox.cluster.supervisor import Program


@pytest.fixture
def log_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # supervisord refuses a log in a folder that is not there.
    monkeypatch.setattr(paths, "LOGS", tmp_path)
    return tmp_path


def _read(text: str, folder: Path) -> dict[str, Any]:
    path = folder / "supervisord.conf"
    path.write_text(text)
    options = importlib.import_module("supervisor.options").ServerOptions()
    options.realize(["-c", str(path)])
    return {group.name: group.process_configs[0] for group in options.process_group_configs}


def test_supervisord_reads_what_is_meant(log_folder: Path) -> None:
    command = ["/bin/echo", "a b", "100%", "it's", 'say "hi"', "$HOME"]
    program = Program(name="echo", command=command, environment={"A": "x,y %z"}, stop_s=7)
    read = _read(supervisor.render([program], {"PATH": "/bin"}), log_folder)["echo"]
    assert importlib.import_module("shlex").split(read.command) == command
    assert read.environment["A"] == "x,y %z"
    assert read.stdout_logfile == str(log_folder / "echo.log")
    assert (read.autostart, read.autorestart is not False) == (False, True)
    assert (read.stopwaitsecs, read.stopasgroup, read.killasgroup) == (7, True, True)


def test_a_changed_file_changes_its_program_only(log_folder: Path) -> None:
    file = log_folder / "file"
    programs = [Program(name="with", command=["/bin/a"], files=[file]), Program(name="without", command=["/bin/b"])]
    file.write_text("one")
    before = _read(supervisor.render(programs, {}), log_folder)
    file.write_text("two")
    after = _read(supervisor.render(programs, {}), log_folder)
    assert before["with"].environment != after["with"].environment
    assert before["without"].environment == after["without"].environment
