"""The program that holds a pod's namespaces, served as registry.k8s.io/pause."""

from pathlib import Path

from sandbox import gobuild

_HERE = Path(__file__).parent


def program() -> Path:
    """Build it, or find it built: one static binary.

    Errors:
        SandboxError: it does not compile.
    """
    return gobuild.build("pause", _HERE) / "pause"
