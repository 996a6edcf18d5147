"""CPython as `python:3.12-slim-bookworm` has it: /usr/local/bin/python3, pip and ensurepip.

Neither Debian nor PyPI serves a CPython 3.12 for Debian 12, but a Go module does (`go.mod`): go-embed-python carries a
python-build-standalone build, which needs nothing but glibc >= 2.17. Of the standard library the module leaves out
idlelib, lib2to3, turtledemo, pydoc's topics, tests and ensurepip; a small one of ours takes the last one's place.
"""

import shutil
from pathlib import Path

from sandbox import gobuild
from sandbox.images import layers, wheels
from sandbox.images.layers import Layer

VERSION = "3.12"

_HERE = Path(__file__).parent

_LINKS = {
    "bin/python": "python3.12",
    "bin/python3": "python3.12",
    "bin/python3-config": "python3.12-config",
    "bin/pip": "pip3.12",
    "bin/pip3": "pip3.12",
    "bin/pydoc3": "pydoc3.12",
    "lib/libpython3.12.so": "libpython3.12.so.1.0",
}
"""Links that the module holds as copies (the library alone has 200 MB before it is stripped)."""

_BINARIES = ("bin/python3.12", "lib/libpython3.12.so.1.0")

_UNUSABLE = ("bin/2to3", "bin/2to3-3.12", "bin/idle3", "bin/idle3.12")
"""Programs whose modules are not there."""


def layer() -> Layer:
    """/usr/local with CPython, pip and ensurepip.

    Errors:
        SandboxError: the module or the wheel is refused, or a command fails.
    """
    return layers.cached("python", [_HERE], [], _make)


def _make(scratch: Path) -> Path:
    local = scratch / "root" / "usr" / "local"
    local.mkdir(parents=True)
    layers.run("python", [gobuild.build("cpython", _HERE) / "cpython", local])
    (local.parent / "local.lock").unlink(missing_ok=True)  # the module's own
    for name, target in _LINKS.items():
        (local / name).unlink()
        (local / name).symlink_to(target)
    for name in _UNUSABLE:
        (local / name).unlink()
    layers.run("python", ["strip", "--strip-unneeded", *(local / name for name in _BINARIES)])
    _add_pip(scratch, local / "lib" / f"python{VERSION}")
    return layers.pack(scratch / "root")


def _add_pip(scratch: Path, library: Path) -> None:
    """Unpack pip, whose scripts the module has, and give ensurepip its wheel."""
    wheel = wheels.fetch("python", _HERE / "requirements.txt", scratch / "wheels")
    wheels.unpack(wheel, library / "site-packages")
    bundle = library / "ensurepip" / "_bundled"
    bundle.mkdir(parents=True)
    shutil.copy(wheel, bundle)
    shutil.copy(_HERE / "ensurepip.py", library / "ensurepip" / "__main__.py")
    (library / "ensurepip" / "__init__.py").touch()
