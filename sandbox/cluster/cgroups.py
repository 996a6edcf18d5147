"""The one cgroup under which everything of a sandbox runs.

Membership is kept by the kernel: it is how a later command, from whatever checkout, tells whether a sandbox is alive
and finds every process of it, even when its state folder or the command that started it is gone.
"""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox.cluster.settings import SANDBOX_ID
from sandbox.errors import SandboxError

NAME = f"code-sandbox-{SANDBOX_ID}"
"""The folder's name in every hierarchy."""

LEAF = "init"
"""Where the node's own processes sit in a unified hierarchy: a group that delegates may hold no process itself."""

_NOT_FOR_MOUNT = {"rw", "ro", "xattr"}


@dataclass(frozen=True)
class Hierarchy:
    """A mounted cgroup hierarchy: version 1 has several, version 2 one."""

    mount_point: Path
    fstype: str
    options: str

    @property
    def unified(self) -> bool:
        """Whether this is version 2."""
        return self.fstype == "cgroup2"

    @property
    def group(self) -> Path:
        """The sandbox's folder in it."""
        return self.mount_point / NAME


def hierarchies() -> list[Hierarchy]:
    """The hierarchies mounted on this machine."""
    return parse(Path("/proc/self/mountinfo").read_text())


def parse(mountinfo: str) -> list[Hierarchy]:
    """The hierarchies in a list of mounts as /proc/self/mountinfo has it."""
    found: list[Hierarchy] = []
    for line in mountinfo.splitlines():
        left, right = line.split(" - ")
        fstype, _, options = right.split(" ", 2)
        if fstype in {"cgroup", "cgroup2"}:
            wanted = [o for o in options.split(",") if o not in _NOT_FOR_MOUNT and not o.startswith("release_agent=")]
            # A named hierarchy has no controller, and mount(2) wants to be told so.
            if any(o.startswith("name=") for o in wanted):
                wanted.insert(0, "none")
            found.append(Hierarchy(Path(left.split(" ")[4]), fstype, ",".join(wanted) if fstype == "cgroup" else ""))
    return found


def join() -> None:
    """Move this process, and with it all that it will start, into the sandbox's cgroup in every hierarchy."""
    for hierarchy in hierarchies():
        hierarchy.group.mkdir(exist_ok=True)
        # A new cpuset (version 1) has no CPU and no memory node, and refuses processes until it has.
        for item in ("cpuset.cpus", "cpuset.mems"):
            own, above = hierarchy.group / item, hierarchy.mount_point / item
            if not hierarchy.unified and own.exists() and not own.read_text().strip():
                own.write_text(above.read_text())
        (hierarchy.group / "cgroup.procs").write_text(str(os.getpid()))


def delegate() -> None:
    """Let groups below the sandbox's use its controllers (a unified hierarchy's; seen from inside the node)."""
    for hierarchy in hierarchies():
        if hierarchy.unified:
            leaf = hierarchy.mount_point / LEAF
            leaf.mkdir(exist_ok=True)
            (leaf / "cgroup.procs").write_text("1")
            for controller in (hierarchy.mount_point / "cgroup.controllers").read_text().split():
                (hierarchy.mount_point / "cgroup.subtree_control").write_text(f"+{controller}")


def processes() -> set[int]:
    """The ids of every process of the sandbox, as the machine numbers them."""
    pids: set[int] = set()
    for group in _groups():
        try:
            pids.update(int(pid) for pid in (group / "cgroup.procs").read_text().split())
        except OSError:  # removed while we looked, or a threaded group
            continue
    return pids


def kill(timeout_s: float = 30.0) -> None:
    """SIGKILL every process of the sandbox and wait until none is left.

    Errors:
        SandboxError: some process is still there after `timeout_s` seconds (one that the kernel cannot end).
    """
    deadline = time.monotonic() + timeout_s
    while pids := processes():
        if time.monotonic() > deadline:
            raise SandboxError(f"processes do not end after SIGKILL: {sorted(pids)}")
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)


def remove(timeout_s: float = 10.0) -> None:
    """Remove the sandbox's folders from every hierarchy; its processes must have ended.

    Errors:
        SandboxError: a folder stays busy for `timeout_s` seconds.
    """
    deadline = time.monotonic() + timeout_s
    while left := list(_groups()):
        for group in left:
            try:
                group.rmdir()
            except FileNotFoundError:
                continue
            except OSError as error:  # the kernel is still tearing it down
                if time.monotonic() > deadline:
                    raise SandboxError(f"cgroup {group} cannot be removed: {error.strerror}") from error
        time.sleep(0.02)


def _groups() -> Iterator[Path]:
    """Every folder of the sandbox, deepest first."""
    for hierarchy in hierarchies():
        for folder, _, _ in os.walk(hierarchy.group, topdown=False):
            yield Path(folder)
