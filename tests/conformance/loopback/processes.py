"""Processes as in a pod: their own resolv.conf, their own environment, a log of their own."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_AS_POD = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'


class Pod:
    """One program that can be started, stopped and killed, in a mount namespace of its own."""

    def __init__(self, folder: Path, name_server: str, command: Sequence[str], env: Mapping[str, str]) -> None:
        self.folder = folder
        self.env = dict(env)
        """Of its next start."""
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "resolv.conf").write_text(f"nameserver {name_server}\n")

    def start(self) -> None:
        """Run it; what it says is appended to `log`."""
        alone = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _AS_POD, self.folder / "resolv.conf"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*alone, *self._command],
                env={"PATH": os.environ["PATH"], **self.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A container's end takes all its processes with it.
                start_new_session=True,
            )

    def send(self, number: signal.Signals) -> None:
        """Send its main process a signal, as the kernel or the kubelet would."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a node's failure does."""
        if self._process is None:
            return
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=10)
        self._process = None

    def ended(self) -> bool:
        """Whether it does not run."""
        return self._process is None or self._process.poll() is not None

    @property
    def log(self) -> str:
        """All that it said."""
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""
