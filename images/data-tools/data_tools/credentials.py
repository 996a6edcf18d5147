"""As whom a program connects: a folder with a file each, as the platform mounts it."""

from dataclasses import dataclass, field
from pathlib import Path

from data_tools.errors import ToolError


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Who connects, and whom it trusts."""

    username: str
    password: str = field(repr=False)
    ca: Path
    """Certificates of the authorities, PEM."""


def read(folder: Path) -> Credentials:
    """The files `username`, `password` and `ca.crt` of a folder.

    Errors:
        ToolError: one is missing or empty.
    """
    text(folder / "ca.crt")  # its readers' own messages do not name it
    return Credentials(username=text(folder / "username"), password=text(folder / "password"), ca=folder / "ca.crt")


def text(path: Path) -> str:
    """What a file holds, without the line break at its end.

    Errors:
        ToolError: it is missing or empty.
    """
    try:
        found = path.read_text(encoding="utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ToolError(f"{path}: {getattr(error, 'strerror', None) or 'not a text'}") from error
    if not found:
        raise ToolError(f"{path}: empty")
    return found
