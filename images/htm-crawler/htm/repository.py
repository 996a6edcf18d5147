"""The text files of a repository: a folder, or what git serves at a URL."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from htm import git
from htm.errors import HtmError
from htm.settings import Remote

MIB = 1024 * 1024
FILE_BYTES = MIB // 4
"""A longer file is data, or was made by a program: it is skipped."""
TEXT_BYTES = 32 * MIB
"""Of all text: a run holds it in memory."""

SKIPPED_FOLDERS = frozenset({".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__"})
SKIPPED_FILES = ("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "go.sum")
SKIPPED_ENDINGS = (".lock", ".min.js", ".min.css", ".map", ".svg")
"""What a program wrote for programs: it would crowd out what people wrote."""


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a repository holds."""

    texts: dict[str, str]
    """Path with `/` -> text, sorted by path."""
    skipped: int
    """Files that are no text, too long, or not written by people."""


def read(source: Path | Remote) -> Contents:
    """All text of a repository: of a folder, or of what git serves.

    Errors:
        HtmError: there is no repository, no text in it, or more than `TEXT_BYTES`.
    """
    texts: dict[str, str] = {}
    skipped = size = 0
    for path, data in git.files(source, FILE_BYTES) if isinstance(source, Remote) else _folder(source):
        text = _text(data) if data is not None and wanted(path) else None
        if text is None:
            skipped += 1
            continue
        texts[path] = text
        size += len(text)
        if size > TEXT_BYTES:
            raise HtmError(f"{source} holds more than {TEXT_BYTES // MIB} MiB of text: crawl a part of it")
    if not texts:
        # Taken at its word, an empty mount would empty the store.
        raise HtmError(f"{source} holds no text: nothing was changed")
    return Contents(texts=dict(sorted(texts.items())), skipped=skipped)


def wanted(path: str) -> bool:
    """Whether a file of this path was written by people, and has a name that can be written down."""
    if not path.isprintable():
        return False
    *folders, name = PurePosixPath(path).parts
    return SKIPPED_FOLDERS.isdisjoint(folders) and name not in SKIPPED_FILES and not name.endswith(SKIPPED_ENDINGS)


def _text(data: bytes) -> str | None:
    try:
        return None if b"\0" in data else data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _folder(root: Path) -> Iterator[tuple[str, bytes | None]]:
    """Path -> content of each file below a folder, None for one that is too long.

    Links are followed within the folder, each place once: a ConfigMap's files are all behind one.
    """
    if not root.is_dir():
        raise HtmError(f"{root} is no folder: mount the repository there, or set REPOSITORY_URL")
    inside = root.resolve()
    todo, seen = [root], {inside}
    while todo:
        with os.scandir(todo.pop()) as found:
            entries = sorted(found, key=lambda entry: entry.name, reverse=True)
        for entry in entries:
            path = Path(entry.path)
            real = path.resolve()
            # A volume of the kubelet keeps its versions in folders that begin with two dots.
            if entry.name.startswith("..") or real in seen or not real.is_relative_to(inside):
                continue
            if real.is_dir() and entry.name not in SKIPPED_FOLDERS:
                seen.add(real)
                todo.append(path)
            elif real.is_file():
                seen.add(real)
                yield path.relative_to(root).as_posix(), _bounded(real)


def _bounded(file: Path) -> bytes | None:
    with file.open("rb") as opened:
        data = opened.read(FILE_BYTES + 1)
    return data if len(data) <= FILE_BYTES else None
