"""What a Dockerfile's FROM lines ask for, without running it."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

_HEREDOC = re.compile(r"<<-?([\"']?)(\w+)\1")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(:?[-+][^}]*)?\})")
_PLATFORM = frozenset(
    {f"{side}{part}" for side in ("TARGET", "BUILD") for part in ("PLATFORM", "OS", "ARCH", "VARIANT")}
)
"""The arguments that BuildKit gives by itself."""


@dataclass(frozen=True)
class Gap:
    """A variable in a FROM line that has no value."""

    line: int
    """Counted from 1."""
    name: str
    text: str
    """The instruction."""


def gaps(dockerfile: str, given: Collection[str]) -> list[Gap]:
    """The variables of FROM lines that neither the `given` arguments nor an ARG's default provide."""
    valued = set(_PLATFORM)
    found: list[Gap] = []
    before_first_from = True
    for line, text in _instructions(dockerfile):
        word, _, rest = text.partition(" ")
        if word.upper() == "ARG" and before_first_from:
            for item in rest.split():
                name, equals, _ = item.partition("=")
                if equals or name in given:
                    valued.add(name)
        elif word.upper() == "FROM":
            before_first_from = False
            names = [m[1] or m[2] for m in _VARIABLE.finditer(rest) if not m[3]]
            # An argument that is given counts only where an ARG before the first FROM declares it.
            found += [Gap(line, name, text) for name in names if name not in valued]
    return found


def _instructions(dockerfile: str) -> Iterator[tuple[int, str]]:
    """Each instruction on one line, with the number of its first; comments and here-documents left out."""
    lines = iter(enumerate(dockerfile.splitlines(), start=1))
    for number, line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        while text.endswith("\\"):
            following = next(lines, (0, ""))[1].strip()
            text = text[:-1] + ("\\" if following.startswith("#") else following)
        yield number, re.sub(r"\s+", " ", text)
        if text.split()[0].upper() in {"RUN", "COPY", "ADD"}:
            for _, end in _HEREDOC.findall(text):
                while next(lines, (0, end))[1].strip() != end:
                    pass
