"""The platform's own source as files of a ConfigMap: what is crawled where nothing outside can be reached."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.base import DeclarationError

FOLDERS = ("catalog", "components", "stacks")
"""Of the program, in its folder: what deploys the platform. The sandbox, which is test equipment, and the tests would
not fit beside it."""

ENDING = ".py"

MOST_BYTES = 900 * 1024
"""Of all files: Kubernetes holds 1 MiB in a ConfigMap, of which names and rounding take a part."""

_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")


@dataclass(frozen=True, kw_only=True)
class Source:
    """The files of a ConfigMap, whose keys know no folders, and where each belongs."""

    files: Mapping[str, str]
    """Key -> text."""
    paths: Mapping[str, str]
    """Key -> path below the mounted folder, with `/`."""


def platform_source(root: Path, folders: Sequence[str] = FOLDERS, most_bytes: int = MOST_BYTES) -> Source:
    """The program's own source, in the same order on every machine.

    Args:
        root: The program's folder.
        folders: Folders in it.
        most_bytes: How long all files may be together.

    Errors:
        DeclarationError: a folder has no source, a path makes no key, two paths make the same one, or it is too long.
    """
    texts: dict[str, str] = {}
    for folder in sorted(folders):
        found = {file.relative_to(root).as_posix(): file for file in (root / folder).rglob(f"*{ENDING}")}
        if not found:
            raise DeclarationError(f"the crawled source: no *{ENDING} in {folder!r} of the program's folder")
        texts |= {path: file.read_text(encoding="utf-8") for path, file in sorted(found.items())}
    _check(texts, most_bytes)
    return Source(
        files={_key(path): text for path, text in texts.items()},
        paths={_key(path): path for path in texts},
    )


def _key(path: str) -> str:
    """`components/data/redis.py` as `components..data..redis.py`."""
    return path.replace("/", "..")


def _check(texts: Mapping[str, str], most_bytes: int) -> None:
    keys = Counter(_key(path) for path in texts)
    for path in texts:
        if not _KEY.fullmatch(key := _key(path)) or keys[key] > 1:
            raise DeclarationError(f"the crawled source: {path!r} makes no key of its own in a ConfigMap: rename it")
    if (size := sum(len(text.encode()) for text in texts.values())) > most_bytes:
        raise DeclarationError(
            f"the crawled source: {size // 1024} KiB, a ConfigMap takes {most_bytes // 1024}: leave a folder out "
            "(components/data/htm/source.py), or have a repository crawled"
        )
