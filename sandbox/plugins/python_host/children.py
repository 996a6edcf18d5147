"""The processes the host runs for the engine: none of them outlives its call, nor the host."""

import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sandbox.plugins.python_host.errors import HostError

GRACE_S = 3.0
"""Seconds a process has to end by itself before it is killed; the engine gives the host 5 s (ExecPlugin in the SDK)."""

CHUNK = 64 * 1024
"""Bytes of output passed on at once."""


class Child:
    """A process in a process group of its own, so that what it starts ends with it."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], *, folder: Path | None = None, piped: bool = False
    ) -> None:
        """Start it; without `piped` it writes to the host's own output, which the engine shows.

        Errors:
            HostError: it cannot be started.
        """
        pipe = subprocess.PIPE if piped else None
        # The host may be SIGKILLed and can then clean up nothing: setpriv (util-linux) has the kernel do it.
        # It counts the death of the *thread* that started the process: gRPC's threads live as long as the host.
        tied = ["setpriv", "--pdeathsig", "KILL", "--", *command]
        try:
            self._process = subprocess.Popen(
                tied, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, process_group=0
            )
        except OSError as error:
            raise HostError(f"cannot start {command[0]}: {error.strerror}: {error.filename}") from error
        self._lock = threading.Lock()
        self._stopping = False
        self._ended = threading.Event()
        threading.Thread(target=self._reap, daemon=True).start()

    @property
    def ended(self) -> threading.Event:
        """Set when the process is gone and reaped."""
        return self._ended

    def wait(self) -> int:
        """Wait for its end; its exit code, or minus the signal that killed it."""
        self._ended.wait()
        return self._process.returncode

    def output(self) -> Iterator[tuple[str, bytes]]:
        """What a piped child and all it started write, as it comes: (`stdout` or `stderr`, bytes)."""
        process = self._process
        if process.stdout is None or process.stderr is None:
            raise ValueError("the child was started without pipes")
        with selectors.DefaultSelector() as selector, process.stdout, process.stderr:
            selector.register(process.stdout, selectors.EVENT_READ, "stdout")
            selector.register(process.stderr, selectors.EVENT_READ, "stderr")
            while selector.get_map():
                for key, _ in selector.select():
                    if data := os.read(key.fd, CHUNK):
                        yield key.data, data
                    else:
                        selector.unregister(key.fileobj)

    def stop(self) -> None:
        """Terminate the process and all it started, and kill them when the grace period is over.

        SIGTERM, because on a SIGINT the runner prints a traceback of its own on the way out.
        """
        with self._lock:
            if self._stopping or self._ended.is_set():
                return
            self._stopping = True
            os.killpg(self._process.pid, signal.SIGTERM)
        reaper = threading.Timer(GRACE_S, self._kill)
        reaper.daemon = True
        reaper.start()

    def _kill(self) -> None:
        with self._lock:
            if not self._ended.is_set():
                os.killpg(self._process.pid, signal.SIGKILL)

    def _reap(self) -> None:
        # Not reaped yet, the process still holds its group's number: the signal cannot hit a stranger.
        os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        with self._lock:
            os.killpg(self._process.pid, signal.SIGKILL)  # what it left running
            self._process.wait()
            self._ended.set()


class Children:
    """The running processes of one kind."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: list[Child] = []
        self._cancelled = False

    def start(
        self, command: Sequence[str], environment: Mapping[str, str], *, folder: Path | None = None, piped: bool = False
    ) -> Child:
        """Start a `Child`.

        Errors:
            HostError: it cannot be started, or this kind was cancelled.
        """
        with self._lock:
            if self._cancelled:
                raise HostError("cancelled")
            child = Child(command, environment, folder=folder, piped=piped)
            self._running = [*(c for c in self._running if not c.ended.is_set()), child]
            return child

    def cancel(self) -> None:
        """Stop all of them, and start no more."""
        with self._lock:
            self._cancelled = True
            for child in self._running:
                child.stop()

    def close(self) -> None:
        """Stop all of them, and wait until they are gone."""
        self.cancel()
        deadline = time.monotonic() + GRACE_S + 0.5
        for child in self._running:
            child.ended.wait(max(0, deadline - time.monotonic()))
