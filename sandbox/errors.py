"""The one way the sandbox says no: a single line that names what is wrong and the remedy."""


class SandboxError(Exception):
    """A failure the operator can act on; printed as one line, without a traceback."""


def last_line(said: str) -> str:
    """What a program that failed said last, which is mostly why."""
    return (said.strip().splitlines() or ["no output"])[-1]
