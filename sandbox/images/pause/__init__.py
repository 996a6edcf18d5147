"""The image of the process that holds a pod's namespaces, served as registry.k8s.io/pause."""

import shutil
from pathlib import Path

from sandbox import gobuild
from sandbox.images import layers
from sandbox.images.layers import Layer

_HERE = Path(__file__).parent


def layer() -> Layer:
    """One static program, /pause.

    Errors:
        SandboxError: it does not compile.
    """
    return layers.cached("pause", [_HERE], [gobuild.version()], _make)


def _make(scratch: Path) -> Path:
    root = scratch / "root"
    root.mkdir()
    shutil.copy(gobuild.build("pause", _HERE) / "pause", root)
    return layers.pack(root)
