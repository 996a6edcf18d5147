"""Locks that a killed CLI left on a stack: the file backend keeps them for ever."""

import json
import socket
from pathlib import Path

from sandbox import progress


def release_dead(backend: Path) -> None:
    """Remove the locks whose holder, a process of this machine, is gone; `pulumi cancel` asks nobody and takes all.

    Args:
        backend: folder of the file backend.
    """
    for lock in (backend / ".pulumi" / "locks").rglob("*.json"):
        holder = json.loads(lock.read_text())
        if holder["hostname"] == socket.gethostname() and not _is_pulumi(holder["pid"]):
            progress.say(f"  released the lock of pulumi process {holder['pid']}, which is gone")
            lock.unlink()
            lock.with_name(f"{lock.name}.attrs").unlink(missing_ok=True)


def _is_pulumi(pid: int) -> bool:
    """Whether that process is a Pulumi CLI: its number may have gone to another since."""
    try:
        program = Path(f"/proc/{pid}/exe").readlink()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return program.name.removesuffix(" (deleted)") == "pulumi"
