"""The Docker engine and the image registry, both inside the node."""

import subprocess
from pathlib import Path

from sandbox import paths
from sandbox.cluster import configuration
from sandbox.cluster.settings import REGISTRY, STORES, Settings
from sandbox.cluster.supervisor import Program
from sandbox.errors import SandboxError

SOCKET = paths.STATE / "docker.sock"
"""The Docker engine's socket; a path, so the machine's clients reach it."""

CLIENT = Path("/usr/bin/docker")
"""Debian's client: `docker` on PATH may be a newer one that misses its plugins."""


def programs(wanted: Settings) -> list[Program]:
    """Write the configuration of registry and Docker engine; return their programs."""
    registry = configuration.write_yaml("registry", _registry())
    engine = configuration.write_json("dockerd.json", _dockerd(wanted))
    return [
        Program(
            name="docker-registry",
            command=["/usr/bin/docker-registry", "serve", registry],
            files=(registry,),
            order=10,
        ),
        Program(
            name="dockerd",
            command=["/usr/sbin/dockerd", f"--config-file={engine}"],
            files=(engine,),
            order=10,
            stop_s=15,
        ),
    ]


def forget_containers() -> None:
    """Remove the containers, volumes and networks of an earlier sandbox; images and the build cache stay.

    The engine's store outlives the sandbox for the sake of its build cache.

    Errors:
        SandboxError: the engine refuses.
    """
    containers = _client("ps", "--all", "--quiet").split()
    if containers:
        _client("rm", "--force", "--volumes", *containers)
    _client("volume", "prune", "--force")
    _client("network", "prune", "--force")


def _client(*arguments: str) -> str:
    command = [CLIENT, "--host", f"unix://{SOCKET}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SandboxError(f"docker {' '.join(arguments)} failed: {done.stderr.strip()}")
    return done.stdout


def _registry() -> dict[str, object]:
    return {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(STORES / "registry")},
            "delete": {"enabled": True},
        },
        "http": {"addr": REGISTRY},
    }


def _dockerd(wanted: Settings) -> dict[str, object]:
    return {
        "hosts": [f"unix://{SOCKET}"],
        "data-root": str(STORES / "docker"),
        "exec-root": "/run/docker",
        "pidfile": "/run/docker.pid",
        "storage-driver": "overlay2",
        "registry-mirrors": [f"http://{REGISTRY}"],
        "dns": [str(wanted.network.name_server)],
        # A lower score needs CAP_SYS_RESOURCE.
        "oom-score-adjust": 0,
        "live-restore": False,
        "log-driver": "json-file",
        "log-opts": {"max-size": "10m", "max-file": "2"},
    }
