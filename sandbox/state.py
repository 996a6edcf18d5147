"""Whose sandbox this machine holds: the lock that keeps commands apart and the record of the owner.

Standard library only: `python -m sandbox env` imports this.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sandbox import paths, progress
from sandbox.cluster import cgroups
from sandbox.errors import SandboxError

FORMAT = 1
"""Version of what lies in the state folder: raise it when an older one must not be continued."""

OWNER = paths.STATE / "owner.json"


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Who started the sandbox, and what its state can be continued by.

    Attributes:
        checkout: the checkout it was started from.
        boot_id: the machine's boot. etcd does not wait for the disk, so state does not outlive the machine's.
        kubernetes: the cluster's version; etcd's content does not move to another.
        pods: the range of pods; rules and addresses are made of it.
        format: see FORMAT.
    """

    checkout: str
    boot_id: str
    kubernetes: str
    pods: str
    format: int

    def can_continue(self, earlier: "Owner") -> bool:
        """Whether the state that `earlier` left can be gone on with."""
        return replace(self, checkout=earlier.checkout) == earlier


def this_owner(kubernetes: str, pods: str) -> Owner:
    """The owner that a sandbox started now, from here, would have."""
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return Owner(checkout=str(paths.CHECKOUT), boot_id=boot_id, kubernetes=kubernetes, pods=pods, format=FORMAT)


def owner() -> Owner | None:
    """The recorded owner; None if there is no record, or none that can be read."""
    try:
        return Owner(**json.loads(OWNER.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def alive() -> bool:
    """Whether a sandbox runs on this machine, whatever checkout started it."""
    return bool(cgroups.processes())


def owned_elsewhere() -> str | None:
    """The checkout that owns the running sandbox, if it is not this one."""
    if not alive():
        return None
    recorded = owner()
    checkout = recorded.checkout if recorded else "an unknown checkout"
    return None if checkout == str(paths.CHECKOUT) else checkout


def refuse_other() -> None:
    """Say no if another checkout's sandbox is alive.

    Errors:
        SandboxError: it is; the line names its checkout and the remedy.
    """
    other = owned_elsewhere()
    if other:
        raise SandboxError(f"a sandbox of {other} is running: end it with `python -m sandbox down --other`")


def claim(mine: Owner) -> None:
    """Make the state folder ours: go on with what a dead sandbox left if that can be continued, else empty it.

    Call it with the lock held, and after `refuse_other`.

    Errors:
        SandboxError: a running sandbox would have to be another one.
    """
    earlier = owner()
    if not (earlier and mine.can_continue(earlier)):
        if alive():
            had = f"Kubernetes {earlier.kubernetes} and pods in {earlier.pods}" if earlier else "unknown settings"
            raise SandboxError(f"the running sandbox has {had}: change it with `python -m sandbox reset`")
        clear()
    scratch = OWNER.with_name(".owner.json.new")
    scratch.write_text(json.dumps(asdict(mine), indent=2))
    scratch.rename(OWNER)


def clear() -> None:
    """Remove everything in the state folder; the folder itself goes when the lock is released."""
    for entry in paths.STATE.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


@contextmanager
def lock() -> Generator[None]:
    """Hold the machine's sandbox for one command, waiting for another that does.

    The lock is on the state folder itself, so it leaves nothing behind: a folder that is empty at the end is removed.
    The kernel releases it when the command ends in whatever way.
    """
    descriptor = _lock_folder()
    try:
        yield
    finally:
        if not any(paths.STATE.iterdir()):
            paths.STATE.rmdir()
        os.close(descriptor)


def _lock_folder() -> int:
    while True:
        paths.STATE.mkdir(parents=True, exist_ok=True, mode=0o755)
        descriptor = os.open(paths.STATE, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with progress.step(f"wait for another command that works on this sandbox ({_holder(descriptor)})"):
                fcntl.flock(descriptor, fcntl.LOCK_EX)
        # The holder may have removed the folder meanwhile; then the lock is on nothing.
        try:
            if paths.STATE.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    """The process that holds the lock, as `pid 123: its command`."""
    inode = os.fstat(descriptor).st_ino
    for line in Path("/proc/locks").read_text().splitlines():
        fields = line.split()
        if "FLOCK" in fields and "->" not in fields and fields[5].endswith(f":{inode}"):
            return f"pid {fields[4]}: {command_of(int(fields[4]))}"
    return "just ended"


def command_of(pid: int) -> str:
    """A process's command line, shortened."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except FileNotFoundError:
        return "ended"
    return words[:80] or "a kernel thread"
