"""What `python -m sandbox env` prints."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import env, paths, state
from sandbox.errors import SandboxError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(env, "FILE", tmp_path / "env.json")
    monkeypatch.setattr(env, "PATH_FOLDER", tmp_path / "bin")
    monkeypatch.setattr(state, "alive", lambda: True)
    return tmp_path


def _evaluated(text: str, name: str) -> str:
    return subprocess.run(
        ["bash", "-c", f'eval "$1"; printf %s "${name}"', "bash", text], capture_output=True, text=True, check=True
    ).stdout


def test_values_survive_the_shell() -> None:
    value = 'it\'s "quoted" $HOME `id` \\'
    env.record({"PULUMI_CONFIG_PASSPHRASE": value}, [env.PATH_FOLDER])
    assert _evaluated(env.exports(), "PULUMI_CONFIG_PASSPHRASE") == value


def test_path_begins_with_ours_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    env.record({}, [env.PATH_FOLDER, Path("/engine")])
    once = _evaluated(env.exports(), "PATH")
    assert once == f"{env.PATH_FOLDER}:/engine:/usr/bin:/bin"
    monkeypatch.setenv("PATH", once)
    assert _evaluated(env.exports(), "PATH") == once


def test_only_exports_are_printed() -> None:
    env.record({"KUBECONFIG": "/a"}, [env.PATH_FOLDER])
    assert all(line.startswith("export ") for line in env.exports().splitlines())


def test_record_is_for_root_only() -> None:
    env.record({"PULUMI_CONFIG_PASSPHRASE": "secret"}, [])
    assert env.FILE.stat().st_mode & 0o777 == 0o600


def test_clients_are_replaced_and_keep_their_things_where_they_are_told(tmp_path: Path) -> None:
    program = tmp_path / "program with a space"
    program.write_text('#!/bin/sh\necho "$HOME_OF_IT $1"\n')
    program.chmod(0o755)
    env.install({"kubectl": env.Client(program), "gone": env.Client(program)})
    env.install({"kubectl": env.Client(program, {"HOME_OF_IT": Path("/cache")})})
    (client,) = env.PATH_FOLDER.iterdir()
    assert subprocess.run([client, "a b"], capture_output=True, text=True, check=True).stdout == "/cache a b\n"
    own = {"HOME_OF_IT": "/mine"}
    assert subprocess.run([client, "x"], env=own, capture_output=True, text=True, check=True).stdout == "/mine x\n"


def test_no_sandbox_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "alive", lambda: False)
    with pytest.raises(SandboxError, match="no sandbox runs: start it with `python -m sandbox up`"):
        env.exports()


def test_half_started_sandbox_is_one_line() -> None:
    with pytest.raises(SandboxError, match="not up yet"):
        env.exports()


def test_standard_library_is_enough(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-m", "sandbox", "env"],
        cwd=paths.CHECKOUT,
        env={**os.environ, "CODE_SANDBOX_STATE": str(tmp_path / "none")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == "sandbox: no sandbox runs: start it with `python -m sandbox up`\n"
