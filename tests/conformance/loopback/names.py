"""A name server for a test, so that names appear, move and vanish as those of pods do."""

import socket
import struct
import threading
from collections.abc import Mapping

A, NAME_ERROR = 1, 3
TTL_S = 1


class NameServer:
    """Answers, over UDP at port 53 of one address, with what `hosts` says at that moment: name -> IPv4 address."""

    def __init__(self, address: str, hosts: Mapping[str, str]) -> None:
        """Errors: OSError: the address cannot be had."""
        self._hosts = hosts
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 53))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer no more."""
        # A packet to itself wakes the thread, which then finds the socket shut.
        address = self._socket.getsockname()
        self._closing = True
        self._socket.sendto(b"", address)
        self._thread.join(timeout=5)
        self._socket.close()

    _closing = False

    def _serve(self) -> None:
        while not self._closing:
            query, peer = self._socket.recvfrom(4096)
            if len(query) > 12:
                self._socket.sendto(_answer(query, self._hosts), peer)


def _answer(query: bytes, hosts: Mapping[str, str]) -> bytes:
    end = query.index(0, 12) + 1
    name = _name(query[12:end])
    (kind,) = struct.unpack("!H", query[end : end + 2])
    address = hosts.get(name)
    records = b""
    if address and kind == A:
        # The name is that of the question, at byte 12.
        records = struct.pack("!HHHIH", 0xC00C, A, 1, TTL_S, 4) + socket.inet_aton(address)
    flags = 0x8180 | (0 if address else NAME_ERROR)
    return query[:2] + struct.pack("!HHHHH", flags, 1, int(bool(records)), 0, 0) + query[12 : end + 4] + records


def _name(labels: bytes) -> str:
    parts: list[str] = []
    at = 0
    while size := labels[at]:
        parts.append(labels[at + 1 : at + 1 + size].decode().lower())
        at += 1 + size
    return ".".join(parts)
