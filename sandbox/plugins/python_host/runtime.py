"""The Python that a program runs in: the runtime options of its project file, and the environment they make."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from google.protobuf import json_format
from pulumi.runtime.proto import language_pb2

from sandbox import paths
from sandbox.plugins.python_host.errors import HostError

OPTIONS = frozenset({"virtualenv", "toolchain"})
"""The runtime options this host honours."""


@dataclass(frozen=True)
class Runtime:
    """Where a program's Python is."""

    program: Path
    """The folder of the program, with its requirements.txt."""
    virtualenv: Path | None
    """The virtual environment; nothing for the Python on PATH."""
    toolchain: str
    """The name `pulumi about` shows: `Pip` where the project says so, else `Auto`."""

    @property
    def python(self) -> str:
        """The interpreter.

        Errors:
            HostError: the virtual environment is missing, or there is no Python on PATH.
        """
        if self.virtualenv is None:
            return _ambient_python()
        python = self.virtualenv / "bin" / "python"
        if not python.is_file():
            raise HostError(self._missing())
        return str(python)

    @property
    def has_virtualenv(self) -> bool:
        """Whether the folder named by the `virtualenv` option is a virtual environment."""
        return self.virtualenv is not None and (self.virtualenv / "bin" / "python").is_file()

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """`base` with the virtual environment activated, and without what only this host needs."""
        environment = dict(base)
        # The wrapper puts the checkout first on PYTHONPATH; a program must not see the sandbox's packages by that.
        folders = [f for f in environment.pop("PYTHONPATH", "").split(os.pathsep) if f]
        if folders and Path(folders[0]) == paths.CHECKOUT:
            del folders[0]
        if folders:
            environment["PYTHONPATH"] = os.pathsep.join(folders)
        if self.virtualenv is not None:
            environment.pop("PYTHONHOME", None)
            environment["VIRTUAL_ENV"] = str(self.virtualenv)
            environment["PATH"] = os.pathsep.join(filter(None, (f"{self.virtualenv}/bin", environment.get("PATH", ""))))
        return environment

    def _missing(self) -> str:
        state = "is not a virtual environment" if self.virtualenv and self.virtualenv.exists() else "does not exist"
        return (
            f"the 'virtualenv' option of the project is {self.virtualenv}, which {state}: "
            "make it with `pulumi install`, or name another"
        )


def read(info: language_pb2.ProgramInfo, *, plugin: bool = False) -> Runtime:
    """The runtime that a project's file asks for; a plugin without options has its own `venv`.

    Errors:
        HostError: an option is unknown here, or its value is.
    """
    options = cast(dict[str, object], json_format.MessageToDict(info.options))
    for name in sorted(options.keys() - OPTIONS):
        raise HostError(f"runtime option '{name}' is not supported here; known: {', '.join(sorted(OPTIONS))}")
    for name, value in options.items():
        if not isinstance(value, str):
            raise HostError(f"runtime option '{name}' must be a string")
    program = Path(info.program_directory)
    toolchain = options.get("toolchain")
    if toolchain is None:
        _refuse_other_toolchains(program)
    elif toolchain != "pip":
        raise HostError(f"toolchain '{toolchain}' is not supported here; known: pip")
    name = str(options.get("virtualenv", "venv" if plugin else ""))
    virtualenv = Path(info.root_directory, name) if name else None
    return Runtime(program, virtualenv, "Pip" if toolchain else "Auto")


def _refuse_other_toolchains(program: Path) -> None:
    """The official host would pick these by their lock file; picking pip instead would install something else."""
    for folder in (program, *program.parents):
        for lock in ("uv.lock", "poetry.lock"):
            if (folder / lock).exists():
                raise HostError(
                    f"{folder / lock} asks for a toolchain that is not supported here: set `toolchain: pip`"
                )


def _ambient_python() -> str:
    names = [os.environ["PULUMI_PYTHON_CMD"]] if os.environ.get("PULUMI_PYTHON_CMD") else ["python3", "python"]
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    raise HostError(f"no {' or '.join(names)} on PATH: install Python, or set the 'virtualenv' option of the project")
