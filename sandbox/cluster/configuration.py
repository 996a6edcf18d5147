"""Writes the configuration files of the node's programs."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path

import yaml

from sandbox.cluster.pki import Pair, write_private
from sandbox.cluster.settings import NODE_NAME, RUN

CONFIG = RUN / "config"
"""Where they lie."""


def write_yaml(name: str, content: Mapping[str, object]) -> Path:
    """Write a YAML file that only root may read; return its path."""
    return write_text(f"{name}.yaml", yaml.safe_dump(dict(content), sort_keys=False))


def write_json(name: str, content: Mapping[str, object]) -> Path:
    """Write a JSON file that only root may read; return its path."""
    return write_text(name, json.dumps(content, indent=2))


def write_text(name: str, text: str) -> Path:
    """Write a file that only root may read; `name` may contain folders. Return its path."""
    path = CONFIG / name
    write_private(path, text.encode())
    return path


def kubeconfig(path: Path, server: str, ca: Path, client: Pair, user: str) -> Path:
    """Write a kubeconfig that carries its certificates within, so that it can be handed on; return its path."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": NODE_NAME, "cluster": {"server": server, "certificate-authority-data": _base64(ca)}},
        ],
        "users": [
            {
                "name": user,
                "user": {"client-certificate-data": _base64(client.cert), "client-key-data": _base64(client.key)},
            },
        ],
        "contexts": [{"name": NODE_NAME, "context": {"cluster": NODE_NAME, "user": user}}],
        "current-context": NODE_NAME,
    }
    write_private(path, yaml.safe_dump(content, sort_keys=False).encode())
    return path


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
