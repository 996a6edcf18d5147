"""The exports that let other programs use the running sandbox. Standard library only."""

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sandbox import paths, state
from sandbox.errors import SandboxError

FILE = paths.STATE / "env.json"
"""Written at the end of `up`: variable -> value; PATH is what to put in front of the caller's."""

PATH_FOLDER = paths.STATE / "bin"
"""The clients that go with the sandbox: kubectl, docker and pulumi."""


@dataclass(frozen=True)
class Client:
    """A program, and where it keeps what it would otherwise leave in the user's home."""

    program: Path
    defaults: Mapping[str, Path] = field(default_factory=dict[str, Path])
    """Variable -> folder, where the caller's environment does not say otherwise."""


def record(variables: Mapping[str, str], folders: Sequence[Path]) -> None:
    """Keep what `exports` prints: `variables`, and PATH with `folders` in front."""
    scratch = FILE.with_name(".env.json.new")
    scratch.touch(mode=0o600)  # it holds the backend's passphrase
    scratch.write_text(json.dumps({"PATH": ":".join(str(folder) for folder in folders), **variables}, indent=2))
    scratch.rename(FILE)


def install(clients: Mapping[str, Client]) -> None:
    """Make PATH_FOLDER hold exactly these: name -> client."""
    PATH_FOLDER.mkdir(parents=True, exist_ok=True)
    for entry in PATH_FOLDER.iterdir():
        entry.unlink()
    for name, client in clients.items():
        defaults = "".join(
            f'export {variable}="${{{variable}:-{folder}}}"\n' for variable, folder in client.defaults.items()
        )
        path = PATH_FOLDER / name
        path.write_text(f'#!/bin/sh\n{defaults}exec {shlex.quote(str(client.program))} "$@"\n')
        path.chmod(0o755)


def exports() -> str:
    """Shell lines that export every variable.

    Errors:
        SandboxError: no sandbox runs, or it is not up yet.
    """
    if not state.alive():
        raise SandboxError("no sandbox runs: start it with `python -m sandbox up`")
    try:
        variables: dict[str, str] = json.loads(FILE.read_text())
    except FileNotFoundError as error:
        raise SandboxError("the sandbox is not up yet: complete it with `python -m sandbox up`") from error
    # Not put there twice, however often it is evaluated.
    first = variables["PATH"].split(":")
    rest = [folder for folder in os.environ.get("PATH", "").split(":") if folder not in first]
    variables["PATH"] = ":".join([*first, *rest])
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
