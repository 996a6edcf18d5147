"""Values that are not allowed: where, what, and what would be. `stacks/loading.py` makes a line of each."""

import json
import re
from collections.abc import Iterable
from typing import NamedTuple

Loc = tuple[str | int, ...]
"""Where a value is: names, and places in lists."""


def path(loc: Loc) -> str:
    """It as `pulumi config set --path` takes it, on one line: `pools.all.zones[0]`."""
    return "".join(
        f".{part}" if isinstance(part, str) and re.fullmatch(r"[\w-]+", part) else f"[{json.dumps(part)}]"
        for part in loc
    ).removeprefix(".")


class Wrong(NamedTuple):
    """A value that is not allowed."""

    loc: Loc
    """Where it is, from where the validator stands."""
    value: object
    allowed: str
    """What it must be."""


class WrongValuesError(ValueError):
    """What a validator found; every value that is wrong, at once."""

    def __init__(self, found: Iterable[Wrong]) -> None:
        """Keep all of it."""
        self.found = tuple(found)
        super().__init__("; ".join(f"{path(wrong.loc)}: must be {wrong.allowed}" for wrong in self.found))


def refuse(found: Iterable[Wrong]) -> None:
    """Raise what was found, if anything was."""
    if found := tuple(found):
        raise WrongValuesError(found)
