"""Whose sandbox it is: the lock, the owner, taking over and refusing."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox import paths, state
from sandbox.cluster import cgroups
from sandbox.errors import SandboxError

OTHER = "/somewhere/else"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "state"
    monkeypatch.setattr(paths, "STATE", folder)
    monkeypatch.setattr(state, "OWNER", folder / "owner.json")
    _running(monkeypatch, alive=False)
    return folder


def _running(monkeypatch: pytest.MonkeyPatch, *, alive: bool) -> None:
    def processes() -> set[int]:
        return {1} if alive else set()

    monkeypatch.setattr(cgroups, "processes", processes)


def _mine() -> state.Owner:
    return state.this_owner("v1.37.2", "10.244.0.0/16")


def test_lock_leaves_no_folder_that_it_made(folder: Path) -> None:
    with state.lock():
        assert folder.is_dir()
    assert not folder.exists()


def test_lock_keeps_a_folder_with_content(folder: Path) -> None:
    with state.lock():
        (folder / "file").touch()
    assert (folder / "file").exists()


def test_a_second_command_waits_for_the_first(folder: Path, request: pytest.FixtureRequest) -> None:
    script = "from sandbox import state\nwith state.lock(): print('second')"
    with state.lock():
        second = subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=paths.CHECKOUT,
            env={**os.environ, "CODE_SANDBOX_STATE": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        request.addfinalizer(second.kill)
        assert second.stderr
        assert f"wait for another command that works on this sandbox (pid {os.getpid()}: " in second.stderr.readline()
    out, _ = second.communicate(timeout=60)
    assert out == "second\n"
    assert not folder.exists()


def test_a_dead_sandbox_of_any_checkout_is_continued(folder: Path) -> None:
    with state.lock():
        state.OWNER.write_text(json.dumps(vars(replace(_mine(), checkout=OTHER))))
        (folder / "etcd").touch()
        state.refuse_other()
        state.claim(_mine())
        assert (folder / "etcd").exists()
    assert state.owner() == _mine()


@pytest.mark.parametrize(
    "change", [{"boot_id": "earlier"}, {"kubernetes": "v1.36.3"}, {"pods": "10.1.0.0/16"}, {"format": 0}]
)
def test_state_that_cannot_be_continued_is_emptied(folder: Path, change: dict[str, str]) -> None:
    with state.lock():
        state.OWNER.write_text(json.dumps({**vars(_mine()), **change}))
        (folder / "etcd").mkdir()
        (folder / "link").symlink_to(paths.CHECKOUT)
        state.claim(_mine())
        assert [path.name for path in folder.iterdir()] == ["owner.json"]
    assert paths.CHECKOUT.is_dir()


def test_a_running_sandbox_of_another_checkout_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _running(monkeypatch, alive=True)
    with state.lock():
        state.OWNER.write_text(json.dumps(vars(replace(_mine(), checkout=OTHER))))
        assert state.owned_elsewhere() == OTHER
        with pytest.raises(SandboxError, match=rf"{OTHER}.*`python -m sandbox down --other`"):
            state.refuse_other()


def test_a_running_sandbox_without_a_record_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    _running(monkeypatch, alive=True)
    with pytest.raises(SandboxError, match="an unknown checkout"):
        state.refuse_other()


def test_a_running_sandbox_does_not_change_its_version(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _running(monkeypatch, alive=True)
    with state.lock():
        state.OWNER.write_text(json.dumps(vars(replace(_mine(), kubernetes="v1.36.3"))))
        with pytest.raises(SandboxError, match=r"v1\.36\.3.*`python -m sandbox reset`"):
            state.claim(_mine())
