"""Builds by Docker's command-line client.

The engine's API alone gives the first builder: BuildKit wants a gRPC session beside the request, which the client
of Debian brings along (it is one program; newer clients leave builds to the buildx plugin).
"""

import os
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.plugins.docker.connection import Connection
from sandbox.plugins.provider import ProviderError

CLIENT = Path("/usr/bin/docker")
"""Debian's client, whatever other `docker` is on PATH."""

LAST_LINES = 20
"""How many of the builder's last lines an error shows."""

_DIES_WITH_US = ("/usr/bin/setpriv", "--pdeathsig", "KILL", "--")
"""The kernel kills the client when this process ends, however it ends, and the engine then gives up the build."""


@dataclass(frozen=True)
class Build:
    """What is to be built, and how."""

    image: str
    context: Path
    dockerfile: Path
    buildkit: bool = True
    args: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    target: str | None = None
    platform: str | None = None
    network: str | None = None
    add_hosts: tuple[str, ...] = ()
    cache_from: tuple[str, ...] = ()

    def command(self) -> list[str]:
        """The client's arguments. Values of build arguments are not among them: anybody can list processes."""
        options = {"--tag": self.image, "--file": str(self.dockerfile)}
        options |= {"--target": self.target} if self.target else {}
        options |= {"--platform": self.platform} if self.platform else {}
        options |= {"--network": self.network} if self.network else {}
        options |= {"--progress": "plain"} if self.buildkit else {}
        repeated = [("--build-arg", name) for name in self.args]
        repeated += [("--add-host", host) for host in self.add_hosts]
        repeated += [("--cache-from", image) for image in self.cache_from]
        return ["build", *(word for option in (*options.items(), *repeated) for word in option), str(self.context)]


class Builder:
    """Runs builds; any number at once, from any thread."""

    def __init__(self, connection: Connection, cancelled: threading.Event) -> None:
        self._connection = connection
        self._cancelled = cancelled
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()

    def run(self, build: Build, say: Callable[[str], None], secrets: Collection[str], timeout_s: float) -> None:
        """Build an image, saying each line of the builder with the secrets in it masked.

        `timeout_s` 0 sets no limit.

        Errors:
            ProviderError: it fails, takes too long or is cancelled.
        """
        last: deque[str] = deque(maxlen=LAST_LINES)
        with self._process(build) as process, _killed_after(timeout_s, process) as late:
            for line in _lines(process, secrets):
                last.append(line)
                say(line)
            code = process.wait()
        if code == 0:
            return
        if self._cancelled.is_set():
            raise ProviderError(f"the build of {build.image} was cancelled")
        why = f"took more than {timeout_s:g} s" if late.is_set() else "failed"
        raise ProviderError("\n".join((f"the build of {build.image} {why}; the builder's last lines:", *last)))

    def kill(self) -> None:
        """End the builds that run; none starts once `cancelled` is set."""
        with self._lock:
            for process in self._running:
                process.kill()

    @contextmanager
    def _process(self, build: Build) -> Generator[subprocess.Popen[str]]:
        with self._lock:
            if self._cancelled.is_set():
                raise ProviderError(f"the build of {build.image} was cancelled")
            process = self._start(build)
            self._running.add(process)
        try:
            with process:
                try:
                    yield process
                except BaseException:
                    process.kill()  # or else its end is waited for
                    raise
        finally:
            with self._lock:
                self._running.discard(process)

    def _start(self, build: Build) -> subprocess.Popen[str]:
        ambient = {name: value for name, value in os.environ.items() if name != "DOCKER_CONTEXT"}
        try:
            return subprocess.Popen(
                [*_DIES_WITH_US, CLIENT, *self._connection.arguments(), *build.command()],
                env={**ambient, **build.args, "DOCKER_BUILDKIT": "1" if build.buildkit else "0"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
        except OSError as error:
            raise ProviderError(f"cannot start {CLIENT} ({error}): install docker.io") from error


@contextmanager
def _killed_after(seconds: float, process: "subprocess.Popen[str]") -> Generator[threading.Event]:
    """Kill a process when its time is up, and set the event then; 0 seconds set no limit."""
    late = threading.Event()
    timer = threading.Timer(seconds, lambda: (late.set(), process.kill()))
    if seconds:
        timer.start()
    try:
        yield late
    finally:
        timer.cancel()


def _lines(process: subprocess.Popen[str], secrets: Collection[str]) -> Iterator[str]:
    if process.stdout is None:
        raise AssertionError("its output was asked for")
    for line in process.stdout:
        # The longest first: one secret may be part of another.
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            line = line.replace(secret, "[secret]")
        if text := line.rstrip():
            yield text
