"""Makes the node's namespaces and becomes its first process.

Run as `python -m sandbox.cluster.boot`. It joins the sandbox's cgroup, leaves the machine's namespaces and forks:
the child is process 1 of the node. It builds the node's own view of the file system and of the network, and becomes
supervisord. When that process dies the kernel removes every other process, mount, link, rule and network sysctl of the
node. The parent returns as soon as the child is about to become supervisord.

Outside of the namespaces the node writes in the state folder and the cache only: /etc, /var/lib, /var/log and /opt are
overlays whose upper layer lies in the node's memory, /run and /dev/shm are its own.
"""

import ctypes
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox import paths
from sandbox.cluster import cgroups, settings, supervisor
from sandbox.cluster.settings import NODE_NAME, POLICY_QUEUE, RUN, Settings

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MACHINE_NETWORK = Path("/run/machine-network")
"""Inside the node: the machine's network namespace, from which the uplink reaches out."""

NODE_NETWORK = Path("/run/node-network")
"""Inside the node: its own network namespace, by path."""

OVERLAYS = ("/etc", "/var/lib", "/var/log", "/opt")
"""Folders that the node's processes see, and may write to without the machine noticing."""

KERNEL_SETTINGS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
"""What kubelet and dockerd insist on and would set for the whole machine. The node sees these values in files of its
own, mounted over the kernel's: they find what they want, and the machine's settings stay untouched."""


NETWORK_SETTINGS = {
    "ipv4/ip_forward": "1",
    # A pod that writes another pod's address into its packets is not heard.
    "ipv4/conf/all/rp_filter": "1",
    "ipv4/conf/default/rp_filter": "1",
    # By a link-local address pods would reach the node past the rules, which know IPv4 only.
    "ipv6/conf/all/disable_ipv6": "1",
    "ipv6/conf/default/disable_ipv6": "1",
}
"""Settings of the node's own network namespace."""


@dataclass(frozen=True)
class Bind:
    """A folder mounted a second time."""

    source: Path
    target: Path


def main() -> int:
    """Start the node; return 0 once its first process is about to become supervisord."""
    machine = os.open("/proc/self/ns/net", os.O_RDONLY)
    read_end, write_end = os.pipe()
    cgroups.join()
    _unshare(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET)
    if os.fork():
        os.close(write_end)
        # The child writes one byte when all is set up; if it fails, the end of the pipe closes without it.
        return 0 if os.read(read_end, 1) else 1
    os.close(read_end)
    _become_node(settings.load(), machine, write_end)
    raise AssertionError("unreachable: exec does not return")


def _become_node(wanted: Settings, machine: int, ready: int) -> None:
    os.setsid()
    hierarchies = cgroups.hierarchies()
    _mount("--make-rprivate", "/")
    _mount_files(wanted, machine, hierarchies)
    cgroups.delegate()
    _set_up_network(wanted)
    socket.sethostname(NODE_NAME)
    os.chdir(paths.STATE)
    os.write(ready, b"1")
    os.close(ready)
    argv = supervisor.command()
    os.execv(argv[0], argv)  # noqa: S606 - process 1 must become supervisord itself


def _mount_files(wanted: Settings, machine: int, hierarchies: Sequence[cgroups.Hierarchy]) -> None:
    """Build the node's own view of the file system."""
    # Bound before anything is overlaid, so that what the node writes there is really written.
    kept = [path.resolve() for path in (paths.STATE, paths.CACHE)]
    links = {entry.name: os.readlink(entry) for entry in os.scandir("/sys/fs/cgroup") if entry.is_symlink()}
    layers = Path("/run/layers")
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    for number, path in enumerate(kept):
        (Path("/run/kept") / str(number)).mkdir(parents=True)
        _mount("--rbind", path, f"/run/kept/{number}")
    for target in OVERLAYS:
        upper, work = layers / target[1:] / "upper", layers / target[1:] / "work"
        upper.mkdir(parents=True)
        work.mkdir()
        _mount("-t", "overlay", "-o", f"lowerdir={target},upperdir={upper},workdir={work}", "overlay", target)
    for number, path in enumerate(kept):
        _mount("--rbind", f"/run/kept/{number}", path)
    for bind in (Bind(RUN / "kubelet", Path("/var/lib/kubelet")), Bind(paths.LOGS / "pods", Path("/var/log/pods"))):
        bind.source.mkdir(parents=True, exist_ok=True)
        bind.target.mkdir(parents=True, exist_ok=True)
        _mount("--bind", bind.source, bind.target)
    _mount("-t", "proc", "proc", "/proc")
    _mount("-t", "sysfs", "sysfs", "/sys")
    _mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", "/dev/shm")  # noqa: S108 - the node's own shared memory
    _mount_cgroups(hierarchies, links)
    for namespace, target in ((f"/proc/1/fd/{machine}", MACHINE_NETWORK), ("/proc/1/ns/net", NODE_NETWORK)):
        target.touch()
        _mount("--bind", namespace, target)
    for name, value in KERNEL_SETTINGS.items():
        own = Path("/run/kernel") / name
        own.parent.mkdir(parents=True, exist_ok=True)
        own.write_text(f"{value}\n")
        _mount("--bind", own, f"/proc/sys/{name}")
    _write_etc(wanted)
    # containerd and kubelet hand mounts on to containers, which needs a shared tree; it is shared inside the node only.
    _mount("--make-rshared", "/")


def _mount_cgroups(hierarchies: Sequence[cgroups.Hierarchy], links: dict[str, str]) -> None:
    """Mount the cgroup hierarchies as the node's cgroup namespace shows them: rooted at the sandbox's folder."""
    top = Path("/sys/fs/cgroup")
    if all(hierarchy.mount_point != top for hierarchy in hierarchies):
        _mount("-t", "tmpfs", "-o", "mode=755", "cgroup", top)
    for hierarchy in hierarchies:
        hierarchy.mount_point.mkdir(exist_ok=True)
        options = ("-o", hierarchy.options) if hierarchy.options else ()
        _mount("-t", hierarchy.fstype, *options, "cgroup", hierarchy.mount_point)
    for name, target in links.items():
        (top / name).symlink_to(target)


def _write_etc(wanted: Settings) -> None:
    """Write the node's name service files; removed first, since on the machine they may be links."""
    for name, text in (
        ("resolv.conf", f"nameserver {wanted.network.name_server}\n"),
        ("hosts", f"127.0.0.1 localhost\n{wanted.network.node} {NODE_NAME}\n"),
        ("hostname", f"{NODE_NAME}\n"),
    ):
        path = Path("/etc") / name
        path.unlink(missing_ok=True)
        path.write_text(text)


def _set_up_network(wanted: Settings) -> None:
    """Give the node its address, forwarding, and the rules that hold pods to NetworkPolicies.

    The address lies on the loopback link as well, so that it outlives a restart of the uplink.
    """
    pods = str(wanted.network.pods)
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "address", "add", f"{wanted.network.node}/32", "dev", "lo")
    for name, value in NETWORK_SETTINGS.items():
        (Path("/proc/sys/net") / name).write_text(value)
    # The mangle table is passed before every chain that dockerd and kube-proxy rearrange in the filter table, so no
    # rule of theirs lets a connection by unseen. Without an agent on the queue, what it would judge is dropped.
    queue = (
        "-m",
        "conntrack",
        "!",
        "--ctstate",
        "ESTABLISHED,RELATED",
        "-j",
        "NFQUEUE",
        "--queue-num",
        str(POLICY_QUEUE),
    )
    for chain, side in (("FORWARD", "-s"), ("FORWARD", "-d"), ("INPUT", "-s")):
        # A connection between two pods matches both sides of FORWARD: the verdict on the first ends the table.
        _run("iptables", "-w", "-t", "mangle", "-A", chain, side, pods, *queue)
    # dockerd sets the policy of FORWARD to DROP.
    for side in ("-s", "-d"):
        _run("iptables", "-w", "-A", "FORWARD", side, pods, "-j", "ACCEPT")


def _unshare(flags: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags):
        number = ctypes.get_errno()
        raise OSError(number, f"unshare: {os.strerror(number)}")


def _mount(*args: object) -> None:
    # Not canonical: a namespace's path is a link that leads nowhere by name.
    _run("mount", "--no-mtab", "--no-canonicalize", *(str(arg) for arg in args))


def _run(*argv: str) -> None:
    # Inherits stderr, which is the boot log: the tool's own words are kept there.
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
