"""Progress of long work: what runs, for how long, and where its log is."""

import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

HEARTBEAT_S = 30.0
"""Seconds between two signs of life of a step that is still running."""


def say(text: str) -> None:
    """Print one line to stderr (stdout belongs to commands whose output is read by programs)."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def step(what: str, log: Path | None = None) -> Generator[None]:
    """Announce `what`, show that it is alive every 30 s, and say how long it took or that it failed."""
    began = time.monotonic()
    done = threading.Event()
    where = f" (log: {log})" if log else ""
    say(f"  ... {what}{where}")

    def beat() -> None:
        while not done.wait(HEARTBEAT_S):
            say(f"  ... {what}: {time.monotonic() - began:.0f} s")

    pulse = threading.Thread(target=beat, daemon=True)
    pulse.start()
    outcome = "FAILED"
    try:
        yield
        outcome = "ok"
    finally:
        done.set()
        pulse.join()
        say(f"  {outcome:>6} {what} {time.monotonic() - began:.1f} s")
