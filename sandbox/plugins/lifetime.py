"""A plugin lives exactly as long as the engine that started it."""

import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType

FAREWELL_S = 2.0
"""What a plugin may still do in the end; the CLI kills it after 5 s."""

_farewells: list[Callable[[], None]] = []


def at_end(farewell: Callable[[], None]) -> None:
    """Have this called before the process ends (not if it is SIGKILLed), for at most `FAREWELL_S` in all."""
    _farewells.append(farewell)


def tie_to_engine() -> None:
    """End this process at once on SIGINT or SIGTERM, and when the engine that reads its stdout is gone.

    The CLI ends a plugin by SIGINT (Ctrl-C itself does not reach it: it has a process group of its own) and waits
    5 s for one that lingers. A CLI that was SIGKILLed says nothing: then the read end of our stdout closes, which
    poll(2) reports.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    threading.Thread(target=_watch_stdout, daemon=True).start()


def _leave(_number: int, _frame: FrameType | None) -> None:
    _end()


def _end() -> None:
    # In a thread: the signal may have interrupted a holder of the locks that a farewell needs.
    last = threading.Thread(target=lambda: [farewell() for farewell in _farewells], daemon=True)
    last.start()
    last.join(FAREWELL_S)
    os._exit(0)


def _watch_stdout() -> None:
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)  # errors and hang-ups are always reported
    poll.poll()
    _end()
