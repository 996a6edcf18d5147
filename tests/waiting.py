"""Waiting for what nobody announces, with a bound."""

import time
from collections.abc import Callable
from typing import TypeVar

INTERVAL_S = 0.1
"""Between two looks."""

_T = TypeVar("_T")


def until(what: str, probe: Callable[[], _T], *, seconds: float) -> _T:
    """Ask `probe` until its answer is true, and return that; fail with `what` after that many seconds."""
    deadline = time.monotonic() + seconds
    while not (answer := probe()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(INTERVAL_S)
    return answer
