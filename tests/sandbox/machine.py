"""What a machine looks like to those who do not use the sandbox: taken before and after, and compared."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_KERNEL_COUNTERS = re.compile(
    r"fs/(dentry-state|file-nr|inode-nr|inode-state|aio-nr)|kernel/(ns_last_pid|random/.*|pty/nr)"
    r"|kernel/(perf_event_max_sample_rate|perf_cpu_time_max_percent)|net/netfilter/nf_conntrack_count"
    r"|fs/quota/.*|fs/binfmt_misc/.*|vm/stat_refresh|debug/.*"
)
"""Files under /proc/sys that the kernel changes by itself."""

_FOLDERS = ("/etc", "/run", "/var", "/opt", "/srv", "/mnt", "/usr/local", "/dev")
"""Where a program of the sandbox could leave files, beside its state folder and the caches."""

_PACKAGES = ("/var/lib/apt", "/var/lib/dpkg", "/var/cache", "/var/log/apt")
"""Installed packages stay."""

_TERMINALS = ("/dev/pts", "/dev/fd")


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One look at the machine."""

    mounts: frozenset[str]
    links: frozenset[str]
    rules: str
    sysctls: Mapping[str, str]
    cgroups: frozenset[str]
    files: frozenset[str]
    configuration: frozenset[tuple[str, int, int]]
    """The files of /etc with size and time of change."""

    def differences(self, later: "Machine") -> list[str]:
        """What a later look shows that this one does not, and the other way round; one line each."""
        found: list[str] = []
        # A sysctl's name that is new comes with a kernel module and is nobody's setting yet.
        changed = {name: later.sysctls.get(name) for name in self.sysctls}
        sides = {
            "mount": (self.mounts, later.mounts),
            "link": (self.links, later.links),
            "rule": (set(self.rules.splitlines()), set(later.rules.splitlines())),
            "sysctl": (set(self.sysctls.items()), set(changed.items())),
            "cgroup": (self.cgroups, later.cgroups),
            "file": (self.files, later.files),
            "configuration": (self.configuration, later.configuration),
        }
        for what, (before, after) in sides.items():
            found += [f"{what} gone: {item}" for item in sorted(before - after, key=str)]
            found += [f"{what} new: {item}" for item in sorted(after - before, key=str)]
        return found


def look(ignore: Sequence[Path]) -> Machine:
    """Look at the machine.

    Args:
        ignore: folders whose content does not count: caches, and another sandbox's state.
    """
    skipped = (*(str(path) for path in ignore), *_PACKAGES, *_TERMINALS)
    return Machine(
        mounts=frozenset(line.split(" ", 3)[3] for line in Path("/proc/self/mountinfo").read_text().splitlines()),
        links=frozenset(os.listdir("/sys/class/net")),
        rules=_rules(),
        sysctls=dict(_sysctls()),
        cgroups=frozenset(
            str(path) for path in Path("/sys/fs/cgroup").rglob("*") if path.is_dir() and "code-sandbox" in path.name
        ),
        files=frozenset(path for folder in _FOLDERS for path in _below(folder, skipped)),
        configuration=frozenset(
            (path, os.lstat(path).st_size, os.lstat(path).st_mtime_ns) for path in _below("/etc", skipped)
        ),
    )


def processes_with(variable: str, value: str) -> list[str]:
    """The processes that were started, through however many others, with an environment variable of this value."""
    wanted = f"{variable}={value}".encode()
    found: list[str] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(f"{folder.name}: {(folder / 'cmdline').read_bytes().replace(bytes(1), b' ').decode()}")
        except (FileNotFoundError, ProcessLookupError, PermissionError):  # it ended, or is the kernel's
            continue
    return found


def namespaces_of(pid: int) -> frozenset[str]:
    """The namespaces of a process that are not this process's, as `net:[4026531840]`."""
    return _namespaces(f"/proc/{pid}") - _namespaces("/proc/self")


def in_use(namespaces: frozenset[str]) -> frozenset[str]:
    """Those of `namespaces` that some process of the machine is in."""
    used: frozenset[str] = frozenset()
    for folder in Path("/proc").glob("[0-9]*"):
        used |= _namespaces(str(folder))
    return namespaces & used


def _namespaces(process: str) -> frozenset[str]:
    try:
        return frozenset(os.readlink(entry) for entry in Path(process, "ns").iterdir())
    except (FileNotFoundError, ProcessLookupError, PermissionError):  # it ended, or is not for us to see
        return frozenset()


def _rules() -> str:
    lines: list[str] = []
    for command in (["iptables-save"], ["ip6tables-save"], ["ip", "rule"], ["ip", "route", "show", "table", "all"]):
        if shutil.which(command[0]):
            lines += subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    # Counters and dates change by themselves.
    return "\n".join(re.sub(r"\[\d+:\d+\]", "", line) for line in lines if not line.startswith("#"))


def _sysctls() -> Iterator[tuple[str, str]]:
    top = Path("/proc/sys")
    for path in top.rglob("*"):
        name = path.relative_to(top).as_posix()
        if path.is_file() and os.access(path, os.R_OK) and not _KERNEL_COUNTERS.fullmatch(name):
            try:
                yield name, path.read_text(errors="replace")
            except OSError:  # some can only be written, whatever their mode says
                continue


def _below(folder: str, skipped: Sequence[str]) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not _is_skipped(os.path.join(place, name), skipped)]
        yield from (os.path.join(place, name) for name in (*folders, *files))


def _is_skipped(path: str, skipped: Sequence[str]) -> bool:
    return any(path == item or path.startswith(f"{item}/") for item in skipped)
