"""A Redis client that does one thing at a time and hides nothing: no reconnecting, no retries."""

import socket
import ssl
from pathlib import Path
from typing import Any


class RefusedError(Exception):
    """The server answered with an error."""


class Client:
    """One TLS connection, as one user.

    Errors:
        OSError: the connection failed, or ended. So do all later calls.
        RefusedError: the server refuses.
    """

    def __init__(
        self, address: tuple[str, int], name: str, ca: Path, user: str, password: str, *, timeout_s: float = 3
    ) -> None:
        """Connect, prove who it is by `name`, and log in."""
        raw = socket.create_connection(address, timeout=timeout_s)
        try:
            self._socket = ssl.create_default_context(cafile=ca).wrap_socket(raw, server_hostname=name)
        except BaseException:
            raw.close()
            raise
        self._file = self._socket.makefile("rb")
        self.call("AUTH", user, password)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._socket.close()

    def wait(self, seconds: float) -> None:
        """Wait that long for each further answer."""
        self._socket.settimeout(seconds)

    def call(self, *words: str) -> Any:  # noqa: ANN401 (depends on the command)
        """The answer to one command."""
        self.send(*words)
        return self.receive()

    def send(self, *words: str) -> None:
        """Ask, without waiting for the answer."""
        parts = [word.encode() for word in words]
        self._socket.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))

    def receive(self) -> Any:  # noqa: ANN401
        """The next answer."""
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the connection ended")
        kind, text = line[:1], line[1:-2]
        match kind:
            case b"+":
                return text.decode()
            case b"-":
                raise RefusedError(text.decode())
            case b":":
                return int(text)
            case b"$":
                return None if text == b"-1" else self._file.read(int(text) + 2)[:-2].decode()
            case b"*":
                return [self.receive() for _ in range(int(text))]
            case _:
                raise ConnectionError(f"not Redis' protocol: {line!r}")
