"""Trying again, with a bound: servers start while their clients do, and change their roles."""

import time
from collections.abc import Callable

from data_tools.errors import ToolError
from data_tools.progress import say

INTERVAL_S = 1.0
"""Between two tries."""


class Deadline:
    """How long a program goes on trying.

    Args:
        seconds: from now on.
        clock: seconds that only ever grow.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.seconds, self._clock, self._sleep = seconds, clock, sleep
        self._end = clock() + seconds
        self._said = ""

    def now(self) -> float:
        """Seconds of the clock."""
        return self._clock()

    def pause(self, reason: str) -> None:
        """Wait a moment before the next try, and say why if that is news.

        Errors:
            ToolError: the time is over.
        """
        left = self._end - self._clock()
        if left <= 0:
            raise ToolError(f"not done within {self.seconds:g} s: {reason}")
        if reason != self._said:
            say(f"waiting: {reason}")
            self._said = reason
        self._sleep(min(INTERVAL_S, left))
