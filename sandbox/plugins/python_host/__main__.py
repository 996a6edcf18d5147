"""Serves the language host to the engine that started this process."""

import argparse
import os
import select
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from pulumi.runtime.proto import language_pb2_grpc

from sandbox.engine.engine import RUNNER
from sandbox.plugins import wire
from sandbox.plugins.python_host.host import LanguageHost


def main(arguments: Sequence[str]) -> int:
    """Print the port that is served, and serve until the engine is gone or wants this process gone."""
    # First of all: the engine may end at any time.
    wait_for_end = _watch()
    parser = argparse.ArgumentParser(prog="pulumi-language-python", allow_abbrev=False)
    parser.add_argument("engine", nargs="?", default="", help="address of the engine")
    parser.add_argument("--tracing", default="", help="endpoint that programs send traces to")
    parser.add_argument("--use-executor", type=Path, default=_runner(), help="script that runs a program")
    for flag in ("--logtostderr", "--logflow"):  # the engine hands these to every plugin
        parser.add_argument(flag, action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("-v", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if not given.use_executor.is_file():
        print(f"pulumi-language-python: no runner of Python programs at {given.use_executor}", file=sys.stderr)
        return 1
    host = LanguageHost(given.use_executor, given.engine, given.tracing)
    server = wire.server()
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    wait_for_end()
    host.close()
    # Not the usual way out: it would wait for calls that nobody waits for any more.
    os._exit(0)


def _runner() -> Path:
    """Beside the engine that started this process, as `sandbox.engine.engine` puts it."""
    return Path(os.readlink(f"/proc/{os.getppid()}/exe")).with_name(RUNNER)


def _watch() -> Callable[[], object]:
    """A function that returns on SIGINT or SIGTERM, or when nobody reads our stdout.

    The engine holds the other end of stdout for as long as it lives, so this holds when it is SIGKILLed too.
    """
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _wake)
    poll = select.poll()
    poll.register(woken, select.POLLIN)
    poll.register(sys.stdout.fileno(), 0)  # errors and hang-ups are always reported
    return poll.poll


def _wake(_number: int, _frame: FrameType | None) -> None:
    """Nothing: a signal that has a handler is written to the wake-up pipe."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
