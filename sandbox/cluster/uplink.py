"""Connects the node to the machine's network: one slirp4netns with the forwarded ports.

Run inside the node by supervisord as `python -m sandbox.cluster.uplink`. slirp4netns itself runs in the machine's
network namespace (it needs no address, link, rule or sysctl there) and sees the machine's /etc/resolv.conf, whose name
server it offers to the node. It lives in the node's process namespace, so it cannot outlive the node.
"""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from sandbox.cluster import settings
from sandbox.cluster.boot import MACHINE_NETWORK, NODE_NETWORK
from sandbox.cluster.settings import Forward, Settings
from sandbox.errors import SandboxError

LINK = "tap0"
API_SOCKET = Path("/run/slirp.sock")
MTU = 65520
"""The largest that slirp4netns takes: fewer, bigger packets cost less (its manual's advice)."""

_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Run slirp4netns, add the forwarded ports, and stay until it ends; return its exit code."""
    wanted = settings.load()
    read_end, write_end = os.pipe()
    process = subprocess.Popen(_command(wanted, write_end), pass_fds=(write_end,), preexec_fn=_die_with_parent)
    os.close(write_end)
    if not os.read(read_end, 1):
        return process.wait() or 1
    for forward in wanted.forwards:
        _forward(wanted, forward)
    print("uplink ready", flush=True)
    return process.wait()


def _command(wanted: Settings, ready: int) -> list[str]:
    # The machine's /etc is what lies under the node's overlay: in a mount namespace of its own it is laid bare again.
    slirp = [
        *("slirp4netns", "--configure", f"--mtu={MTU}", "--disable-host-loopback", f"--cidr={wanted.network.uplink}"),
        *(f"--api-socket={API_SOCKET}", f"--ready-fd={ready}", "--netns-type=path", str(NODE_NETWORK), LINK),
    ]
    return [
        *("nsenter", f"--net={MACHINE_NETWORK}", "--"),
        *("unshare", "--mount", "--propagation", "private", "sh", "-c", 'umount /etc && exec "$@"', "sh"),
        *slirp,
    ]


def _forward(wanted: Settings, forward: Forward) -> None:
    request = {
        "execute": "add_hostfwd",
        "arguments": {
            "proto": "tcp",
            "host_addr": "127.0.0.1",
            "host_port": forward.host,
            "guest_addr": str(wanted.network.node),
            "guest_port": forward.node,
        },
    }
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(str(API_SOCKET))
        connection.sendall(json.dumps(request).encode())
        connection.shutdown(socket.SHUT_WR)
        answer = json.loads(b"".join(iter(lambda: connection.recv(4096), b"")))
    if "error" in answer:
        raise SandboxError(f"port {forward.host} of 127.0.0.1 cannot be forwarded: {answer['error']['desc']}")


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
