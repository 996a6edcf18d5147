"""What the machine lacks is said in one line, before anything is started."""

import os
import platform
import shutil
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from sandbox import __main__ as command
from sandbox import gobuild, paths, preflight
from sandbox.cluster import settings
from sandbox.cluster.settings import Forward
from sandbox.errors import SandboxError


def _always(value: object) -> Callable[..., object]:
    return lambda *_: value


def test_not_root_is_one_line_and_starts_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", _always(1000))
    monkeypatch.setattr("sys.argv", ["sandbox", "up"])
    assert command.main() == 1
    said = capsys.readouterr()
    assert said.err == "sandbox: the sandbox needs root: run it as root (sudo -E make ...)\n"
    assert said.out == ""


def test_wrong_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", _always(0))
    monkeypatch.setattr(platform, "machine", _always("aarch64"))
    with pytest.raises(SandboxError, match="x86_64, this is Linux on aarch64"):
        preflight.machine()


def test_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", _always(SimpleNamespace(free=19_900_000_000)))
    with pytest.raises(SandboxError, match=r"19\.9 GB free, the sandbox needs 20 GB"):
        preflight.disk()


@pytest.mark.parametrize("version", ["go version go1.25.3 linux/amd64", "go version devel linux/amd64"])
def test_old_go(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gobuild, "version", _always(version))
    with pytest.raises(SandboxError, match=r"needs Go >= 1\.26"):
        preflight.toolchain()


def test_no_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SandboxError, match=r"no usable Go: install Go >= 1\.26"):
        preflight.toolchain()


def test_module_registry_out_of_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "CACHE", tmp_path)  # nothing is built yet
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "modules"))
    monkeypatch.setenv("GOPROXY", "http://127.0.0.1:1")
    with pytest.raises(SandboxError, match=r"the Go module registry cannot be reached: .*127\.0\.0\.1:1") as refused:
        preflight.toolchain()
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")
def test_kernel_without_something(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "STATE", tmp_path)
    monkeypatch.setattr(preflight, "KERNEL_TRIALS", {"magic": "echo Unknown device type. >&2; false"})
    with pytest.raises(SandboxError, match=r"does not offer magic: Unknown device type\."):
        preflight.kernel()
    assert list(tmp_path.iterdir()) == []


def test_a_taken_port_is_said_with_its_holder() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        wanted = replace(settings.load(), edge=(), api=Forward(name="api", host=port, node=6443))
        with pytest.raises(SandboxError, match=rf"port {port} \(api\) is taken by pid {os.getpid()}: \S+"):
            preflight.ports(wanted)
    preflight.ports(wanted)
