"""What a program says while it runs: a line at a time, seen at once in a Job's log."""

import sys


def say(text: str) -> None:
    """Print a line to stdout."""
    print(text, file=sys.stdout, flush=True)


class Changes:
    """What a run changed: each is said, and counted."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def note(self, change: str) -> None:
        """Something was changed."""
        self.made.append(change)
        say(change)

    def close(self) -> None:
        """Say so if nothing was changed."""
        if not self.made:
            say("nothing to change")
