"""The runtime options of a project, and the environment of a program."""

from pathlib import Path

import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import language_pb2

from sandbox import paths
from sandbox.plugins.python_host.errors import HostError
from sandbox.plugins.python_host.runtime import read


def _info(root: Path, **options: str | float) -> language_pb2.ProgramInfo:
    struct = struct_pb2.Struct()
    struct.update(options)
    return language_pb2.ProgramInfo(root_directory=str(root), program_directory=str(root), options=struct)


def _virtualenv(path: Path) -> Path:
    (path / "bin").mkdir(parents=True)
    (path / "bin" / "python").touch()
    return path


def test_a_virtualenv_is_relative_to_the_project(tmp_path: Path) -> None:
    _virtualenv(tmp_path / "venv")
    runtime = read(_info(tmp_path, virtualenv="venv", toolchain="pip"))

    assert runtime.python == str(tmp_path / "venv" / "bin" / "python")
    assert runtime.toolchain == "Pip"


def test_without_options_the_python_on_path_runs_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "bin" / "python3"
    python.parent.mkdir()
    python.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(python.parent))
    runtime = read(_info(tmp_path))

    assert runtime.python == str(python)
    assert runtime.environment({"PATH": "/bin"}) == {"PATH": "/bin"}


def test_without_options_a_plugin_has_its_own_virtualenv(tmp_path: Path) -> None:
    assert read(_info(tmp_path), plugin=True).virtualenv == tmp_path / "venv"


def test_no_python_at_all_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostError, match="no python3 or python on PATH"):
        _ = read(_info(tmp_path)).python


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"toolchain": "poetry"}, "toolchain 'poetry' is not supported here; known: pip"),
        ({"virtualenv": 3.0}, "runtime option 'virtualenv' must be a string"),
        ({"typechecker": "mypy"}, "runtime option 'typechecker' is not supported here; known: toolchain, virtualenv"),
    ],
)
def test_other_options_are_refused(tmp_path: Path, options: dict[str, str | float], told: str) -> None:
    with pytest.raises(HostError, match=told):
        read(_info(tmp_path, **options))


@pytest.mark.parametrize("lock", ["uv.lock", "poetry.lock"])
def test_the_lock_file_of_another_toolchain_is_refused_unless_pip_is_named(tmp_path: Path, lock: str) -> None:
    (tmp_path / lock).touch()
    with pytest.raises(HostError, match=f"{lock} asks for a toolchain"):
        read(_info(tmp_path))

    assert read(_info(tmp_path, toolchain="pip")).toolchain == "Pip"


def test_the_environment_activates_the_virtualenv_and_hides_the_host(tmp_path: Path) -> None:
    venv = _virtualenv(tmp_path / "venv")
    runtime = read(_info(tmp_path, virtualenv="venv"))
    base = {"PATH": "/bin", "PYTHONHOME": "/x", "PYTHONPATH": f"{paths.CHECKOUT}:/of/the/user", "OTHER": "1"}

    assert runtime.environment(base) == {
        "PATH": f"{venv}/bin:/bin",
        "VIRTUAL_ENV": str(venv),
        "PYTHONPATH": "/of/the/user",
        "OTHER": "1",
    }
    assert "PYTHONPATH" not in runtime.environment({"PYTHONPATH": str(paths.CHECKOUT)})
