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
from sandbox.cluster.settings import REGISTRY, Settings
from sandbox.cluster.worker import ZONES
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

SYSTEM_MIB = 6 * 1024
"""Memory of the machine that is not for pods: control plane, Docker, builds."""

LOG = paths.LOGS / "pulumi-stack.log"

PREFERENCES: Mapping[str, Mapping[str, Any]] = {"data": {"keep_volumes": False}}
"""Who destroys a stack on a machine like this wants it gone, volumes too."""

_SALT = "encryptionsalt"


def variables() -> dict[str, str]:
    """What the engine must be told by the environment to use the sandbox's backend and stack file."""
    return {
        "PULUMI_BACKEND_URL": f"file://{BACKEND}",
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE.read_text(),
        "PULUMI_OPTION_CONFIG_FILE": str(WORKING),
    }


def prepare(engine: Engine, wanted: Settings, folders: Sequence[Path]) -> None:
    """Make backend, stack and working copy; run again, take over what was edited in the committed file.

    Args:
        engine: the engine that will run the stack.
        wanted: the node's settings.
        folders: what its PATH begins with.

    Errors:
        SandboxError: the engine refuses; its log is named.
    """
    BACKEND.mkdir(exist_ok=True)
    pulumi_locks.release_dead(BACKEND)
    if not PASSPHRASE.exists():
        pki.write_private(PASSPHRASE, secrets.token_urlsafe(32).encode())
    shutil.copy(paths.CHECKOUT / "Pulumi.yaml", paths.STATE)
    earlier = _read(WORKING) if WORKING.exists() else {}
    copy = working_copy(with_preferences(_read(COMMITTED)), earlier, own_settings(wanted))
    pki.write_private(WORKING, yaml.safe_dump(copy, sort_keys=False).encode())
    environment = {**os.environ, **variables(), "PATH": _path(folders), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    if not (BACKEND / ".pulumi" / "stacks" / PROJECT / f"{STACK}.json").exists():
        _run(engine, environment, "stack", "init", STACK, "--no-select")


def own_settings(wanted: Settings) -> dict[str, Any]:
    """What only the sandbox knows of itself: its registry, its one node, its addresses."""
    network = wanted.network
    node = f"{network.node}/32"
    memory_mib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    machine = {
        "zones": list(ZONES),
        "nodes": 1,
        "cpu": str(os.cpu_count() or 1),
        "memory": f"{max(1024, memory_mib - SYSTEM_MIB)}Mi",
    }
    return {
        "registry": REGISTRY,
        "image_lock": str(images.LOCK),
        "cluster": {"pods": str(network.pods), "services": str(network.services), "nodes": [node]},
        "kubernetes_api": {"cidrs": [node], "port": wanted.api.node},
        "pools": {"sandbox": machine},
    }


def with_preferences(committed: Mapping[str, Any]) -> dict[str, Any]:
    """The operator's stack file, with what the sandbox prefers where it says nothing else."""
    config = committed.get("config", {})
    preferred = {_key(name): {**wanted, **config.get(_key(name), {})} for name, wanted in PREFERENCES.items()}
    return {**committed, "config": {**config, **preferred}}


def working_copy(committed: Mapping[str, Any], earlier: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The stack file as the engine shall see it.

    Args:
        committed: the checkout's stack file; a salt in it belongs to another backend.
        earlier: the working copy so far: its salt is kept, and what was encrypted with it.
        own: the sandbox's own settings, which win.
    """
    plain = {name: value for name, value in committed.items() if name != _SALT}
    salt = {_SALT: earlier[_SALT]} if _SALT in earlier else {}
    encrypted = {name: value for name, value in earlier.get("config", {}).items() if _is_encrypted(value)}
    config = {**committed.get("config", {}), **{_key(name): value for name, value in own.items()}, **encrypted}
    return {**plain, **salt, "config": config}


def _is_encrypted(value: object) -> bool:
    return isinstance(value, dict) and "secure" in value


def _key(name: str) -> str:
    return f"{PROJECT}:{name}"


def _path(folders: Sequence[Path]) -> str:
    return os.pathsep.join([*(str(folder) for folder in folders), os.environ.get("PATH", os.defpath)])


def _read(path: Path) -> dict[str, Any]:
    return cast("dict[str, Any]", yaml.safe_load(path.read_text()) or {})


def _run(engine: Engine, environment: Mapping[str, str], *arguments: str) -> None:
    with progress.step(f"pulumi {' '.join(arguments[:2])}", LOG), LOG.open("ab") as log:
        done = subprocess.run(
            [engine.pulumi, "--non-interactive", *arguments],
            cwd=paths.STATE,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        last = last_line(LOG.read_text(errors="replace"))
        raise SandboxError(f"pulumi {' '.join(arguments[:2])} failed: {last} (log: {LOG})")
