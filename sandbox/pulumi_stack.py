"""The engine's side of the sandbox: a backend in the state folder and a working copy of the stack file."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import yaml

from sandbox import images, paths, progress, pulumi_locks
from sandbox.cluster import pki
from sandbox.cluster.settings import REGISTRY
from sandbox.engine.engine import Engine
from sandbox.errors import SandboxError, last_line

PROJECT = "code"
STACK = "dev"
"""The stack that runs in the sandbox."""

COMMITTED = paths.CHECKOUT / f"Pulumi.{STACK}.yaml"
"""What an operator edits."""

WORKING = paths.STATE / f"Pulumi.{STACK}.yaml"
"""The copy that the engine reads and writes. A copy of Pulumi.yaml lies beside it, since `pulumi stack init` writes its
salt into the stack file beside the project file, whatever PULUMI_OPTION_CONFIG_FILE says."""

BACKEND = paths.STATE / "pulumi"
"""The folder of the file backend."""

PASSPHRASE = paths.STATE / "passphrase"
"""What secrets in config and state are encrypted with; made once per sandbox."""

EDGE = paths.STATE / "edge"
"""The edge's certificate and the authority that signed it, made once per sandbox."""

EDGE_HOSTS = ("localhost", "127.0.0.1")

LOG = paths.LOGS / "pulumi-stack.log"

_SALT = "encryptionsalt"


def variables() -> dict[str, str]:
    """What the engine must be told by the environment to use the sandbox's backend and stack file."""
    return {
        "PULUMI_BACKEND_URL": f"file://{BACKEND}",
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE.read_text(),
        "PULUMI_OPTION_CONFIG_FILE": str(WORKING),
    }


def prepare(engine: Engine, folders: Sequence[Path]) -> None:
    """Make backend, stack and working copy; run again, take over what was edited in the committed file.

    Args:
        engine: the engine that will run the stack.
        folders: what its PATH begins with.

    Errors:
        SandboxError: the engine refuses; its log is named.
    """
    BACKEND.mkdir(exist_ok=True)
    pulumi_locks.release_dead(BACKEND)
    if not PASSPHRASE.exists():
        pki.write_private(PASSPHRASE, secrets.token_urlsafe(32).encode())
    ca = pki.authority(EDGE, "ca", "code-sandbox-edge")
    edge = pki.issue(ca, EDGE, "edge", EDGE_HOSTS[0], hosts=EDGE_HOSTS)
    own = {
        "registry": REGISTRY,
        "image_lock": str(images.LOCK),
        "edge_cert": edge.cert.read_text(),
        "edge_ca": ca.cert.read_text(),
    }
    shutil.copy(paths.CHECKOUT / "Pulumi.yaml", paths.STATE)
    earlier = _read(WORKING) if WORKING.exists() else {}
    copy = working_copy(_read(COMMITTED), earlier, own)
    pki.write_private(WORKING, yaml.safe_dump(copy, sort_keys=False).encode())
    environment = {**os.environ, **variables(), "PATH": _path(folders), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    if not (BACKEND / ".pulumi" / "stacks" / PROJECT / f"{STACK}.json").exists():
        _run(engine, environment, "stack", "init", STACK, "--no-select")
    if _key("edge_key") not in copy["config"]:
        _run(engine, environment, "config", "set", "--stack", STACK, "--secret", _key("edge_key"), stdin=edge.key)


def working_copy(committed: Mapping[str, Any], earlier: Mapping[str, Any], own: Mapping[str, str]) -> dict[str, Any]:
    """The stack file as the engine shall see it.

    Args:
        committed: the checkout's stack file; a salt in it belongs to another backend.
        earlier: the working copy so far: its salt and the secret encrypted with it are kept.
        own: the sandbox's own settings, which win.
    """
    plain = {name: value for name, value in committed.items() if name != _SALT}
    salt = {_SALT: earlier[_SALT]} if _SALT in earlier else {}
    edge_key = {name: value for name, value in earlier.get("config", {}).items() if name == _key("edge_key")}
    config = {**committed.get("config", {}), **{_key(name): value for name, value in own.items()}, **edge_key}
    return {**plain, **salt, "config": config}


def _key(name: str) -> str:
    return f"{PROJECT}:{name}"


def _path(folders: Sequence[Path]) -> str:
    return os.pathsep.join([*(str(folder) for folder in folders), os.environ.get("PATH", os.defpath)])


def _read(path: Path) -> dict[str, Any]:
    return cast("dict[str, Any]", yaml.safe_load(path.read_text()) or {})


def _run(engine: Engine, environment: Mapping[str, str], *arguments: str, stdin: Path | None = None) -> None:
    """Run the engine's CLI; what is on stdin never shows in a process list or log."""
    with progress.step(f"pulumi {' '.join(arguments[:2])}", LOG), LOG.open("ab") as log:
        done = subprocess.run(
            [engine.pulumi, "--non-interactive", *arguments],
            cwd=paths.STATE,
            env=dict(environment),
            input=stdin.read_bytes() if stdin else b"",
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        last = last_line(LOG.read_text(errors="replace"))
        raise SandboxError(f"pulumi {' '.join(arguments[:2])} failed: {last} (log: {LOG})")
