"""What ends a run."""


class HtmError(Exception):
    """What a person can put right: one line that names it."""


def one_line(text: object) -> str:
    """What others say, in one line, and not too much of it."""
    return " ".join(str(text).split())[:300]


class Stopped(KeyboardInterrupt):
    """The run was told to end, or took too long: psycopg cancels its query on an interrupt, and on nothing else."""
