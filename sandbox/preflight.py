"""What the machine must have before anything is started; each lack is one line."""

import errno
import os
import platform
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from sandbox import gobuild, paths
from sandbox.cluster import binaries
from sandbox.cluster.settings import Settings
from sandbox.errors import SandboxError
from sandbox.state import command_of

FREE_GB = 20
"""Builds, base images, the fleet's images and volumes (first run of the whole estate)."""

GO = (1, 26)

STATE_PATH = 64
"""Longest path of the state folder, in bytes: sockets lie below it, and a socket's path may have 107."""

KERNEL_TRIALS = {
    "namespaces (pid, mount, net, uts, ipc, cgroup)": "true",
    "overlayfs": (
        "cd $FOLDER && mkdir lower upper work merged"
        " && mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay merged"
    ),
    "TUN/TAP devices (/dev/net/tun)": "ip tuntap add dev trial0 mode tap",
    "veth links": "ip link add trial0 type veth peer name trial1",
    "bridges": "ip link add trial0 type bridge",
    "address translation": "iptables -w -t nat -A POSTROUTING -j MASQUERADE",
    "connection tracking in iptables": "iptables -w -A FORWARD -m conntrack --ctstate INVALID -j DROP",
    "NFQUEUE in iptables": "iptables -w -t mangle -A FORWARD -j NFQUEUE --queue-num 100",
    "iptables matches statistic, recent, mark, comment": (
        "iptables -w -t nat -N T && iptables -w -t nat -A T -m statistic --mode random --probability 0.5 -j RETURN"
        " && iptables -w -t nat -A T -m recent --name t --rcheck --seconds 1 -j RETURN"
        " && iptables -w -t nat -A T -m comment --comment t -m mark --mark 1 -j RETURN"
    ),
}
"""What the node needs of the kernel -> a command that fails without it, run in namespaces of its own."""


def machine() -> None:
    """Check what no package can mend: root, architecture, distribution.

    Errors:
        SandboxError: the first lack found.
    """
    if os.geteuid() != 0:
        raise SandboxError("the sandbox needs root: run it as root (sudo -E make ...)")
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise SandboxError(f"the sandbox needs Linux on x86_64, this is {platform.system()} on {platform.machine()}")
    if not shutil.which("apt-get"):
        raise SandboxError("the sandbox needs a Debian machine: there is no apt-get")
    if len(os.fsencode(paths.STATE)) > STATE_PATH:
        raise SandboxError(
            f"CODE_SANDBOX_STATE={paths.STATE}: longer than {STATE_PATH} bytes, too long for sockets in it"
        )


def disk() -> None:
    """Check that there is room for what a sandbox writes.

    Errors:
        SandboxError: there is not.
    """
    for folder in (paths.STATE, paths.CACHE):
        free = shutil.disk_usage(_existing(folder)).free
        if free < FREE_GB * 10**9:
            raise SandboxError(f"{folder}: {free / 10**9:.1f} GB free, the sandbox needs {FREE_GB} GB")


def toolchain() -> None:
    """Check Go, and that modules can be had if something is still to be built.

    Errors:
        SandboxError: no Go, one too old, or the module registry cannot be reached.
    """
    line = gobuild.version()
    found = re.search(r"go(\d+)\.(\d+)", line)
    if not found or (int(found[1]), int(found[2])) < GO:
        raise SandboxError(f"the sandbox needs Go >= {GO[0]}.{GO[1]}, `go` on PATH says: {line}")
    if any((paths.CACHE / "go").glob("kubernetes-*")):
        return
    asked = subprocess.run(
        ["go", "mod", "download", f"k8s.io/kubernetes@{binaries.version()}"],
        cwd=binaries.MODULE,
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode:
        raise SandboxError(f"the Go module registry cannot be reached: {_last_line(asked.stderr)}")


def ports(wanted: Settings) -> None:
    """Check that the ports which will lead to the node are free.

    Errors:
        SandboxError: one is taken; the line says by whom.
    """
    for forward in wanted.forwards:
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", forward.host))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                raise SandboxError(
                    f"port {forward.host} ({forward.name}) is taken by {listener_on(forward.host)}"
                ) from error


def kernel() -> None:
    """Try what the node needs of the kernel; needs the Debian packages, leaves nothing.

    Errors:
        SandboxError: something is missing, with the tool's own words.
    """
    for what, command in KERNEL_TRIALS.items():
        with tempfile.TemporaryDirectory(dir=paths.STATE) as folder:
            tried = subprocess.run(
                [
                    *("unshare", "--pid", "--fork", "--mount", "--net", "--uts", "--ipc", "--cgroup"),
                    *("--propagation", "private", "sh", "-c", command),
                ],
                env={**os.environ, "FOLDER": folder},
                capture_output=True,
                text=True,
                check=False,
            )
        if tried.returncode:
            raise SandboxError(f"the kernel (or root here) does not offer {what}: {_last_line(tried.stderr)}")


def listener_on(port: int) -> str:
    """Who listens on a TCP port of this machine, as `pid 123: its command`."""
    inodes = {f"socket:[{inode}]" for inode in _listening(port)}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and inodes.intersection(_open_files(folder)):
            return f"pid {folder.name}: {command_of(int(folder.name))}"
    return "a process outside of this one's sight"


def _listening(port: int) -> Iterable[str]:
    for table in ("tcp", "tcp6"):
        path = Path("/proc/net") / table
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            fields = line.split()
            local, state, inode = fields[1], fields[3], fields[9]
            if state == "0A" and int(local.rpartition(":")[2], 16) == port:
                yield inode


def _open_files(process: Path) -> set[str]:
    found: set[str] = set()
    try:
        for entry in (process / "fd").iterdir():
            found.add(os.readlink(entry))
    except (FileNotFoundError, ProcessLookupError, PermissionError):  # ended or closed meanwhile, or not for us to see
        return found
    return found


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no message"])[-1]
