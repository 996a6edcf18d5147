"""Reaching what listens inside the node only, from the machine."""

import ctypes
import http.client
import socket
import threading
from pathlib import Path

from sandbox.cluster import cgroups
from sandbox.errors import SandboxError

_CLONE_NEWNET = 0x40000000


def init_pid() -> int:
    """The machine's number of the node's first process.

    Errors:
        SandboxError: the node does not run.
    """
    for pid in cgroups.processes():
        if _numbers(pid)[1:] == [1]:
            return pid
    raise SandboxError("the sandbox's node does not run: start it with `python -m sandbox up`")


def machine_pids() -> dict[int, int]:
    """The node's own process numbers, mapped to the machine's."""
    return {numbers[1]: numbers[0] for pid in cgroups.processes() if len(numbers := _numbers(pid)) == 2}


def connect(port: int, timeout_s: float) -> socket.socket:
    """A connection to a port of the node's loopback address.

    Errors:
        OSError: nothing listens there.
        SandboxError: the node does not run.
    """
    result: list[socket.socket | OSError] = []
    network = Path(f"/proc/{init_pid()}/ns/net")

    def dial() -> None:
        # A thread of its own enters the namespace and ends: the socket keeps belonging to the node's.
        try:
            with network.open("rb") as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns into the node's network")
            result.append(socket.create_connection(("127.0.0.1", port), timeout_s))
        except OSError as error:
            result.append(error)

    thread = threading.Thread(target=dial)
    thread.start()
    thread.join()
    (outcome,) = result
    if isinstance(outcome, OSError):
        raise outcome
    return outcome


class NodeConnection(http.client.HTTPConnection):
    """HTTP to a server on the node's loopback address."""

    def connect(self) -> None:
        """Open the connection from within the node's network."""
        self.sock = connect(self.port, 5.0)


def _numbers(pid: int) -> list[int]:
    """A process's numbers in the namespaces it is in, the machine's first; empty if it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError as error:
        if not isinstance(error, FileNotFoundError | ProcessLookupError):
            raise
        return []
    (line,) = (line for line in status.splitlines() if line.startswith("NSpid:"))
    return [int(number) for number in line.split()[1:]]
