"""Image names: `[registry/]path[:tag][@digest]`."""

import re
from dataclasses import dataclass

_NAME = re.compile(
    r"(?:(?P<registry>(?:[a-zA-Z0-9-]+(?:\.[a-zA-Z0-9-]+)+|localhost|[a-zA-Z0-9.-]+(?=:[0-9]+/)|\[[0-9a-fA-F:]+\])"
    r"(?::[0-9]+)?)/)?"
    r"(?P<path>[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?"
    r"(?:@(?P<digest>[a-z0-9]+:[0-9a-f]{32,}))?"
)

HUB = "docker.io"
"""The registry of names that have none."""


@dataclass(frozen=True)
class Name:
    """An image name, taken apart."""

    registry: str | None
    """Host and port; None where the name has none, which then means `HUB`."""
    path: str
    tag: str | None
    digest: str | None

    @property
    def repository(self) -> str:
        """Registry and path."""
        return f"{self.registry}/{self.path}" if self.registry else self.path

    @property
    def full(self) -> bool:
        """Whether it names its registry, and on `HUB` the user too: then it means the same to everybody."""
        return self.registry is not None and (self.registry != HUB or "/" in self.path)


def parse(text: str) -> Name:
    """Take a name apart.

    Errors:
        ValueError: it is none.
    """
    found = _NAME.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no image name ([registry/]path[:tag], in lower case)")
    return Name(found["registry"], found["path"], found["tag"], found["digest"])
