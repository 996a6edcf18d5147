"""The files that a build sees, and one digest over all of them."""

import hashlib
import os
import stat
from pathlib import Path

from docker.utils.build import exclude_paths


def digest(context: Path, dockerfile: Path, *, own_ignore_file: bool) -> str:
    """A digest that changes when the Dockerfile or a file of the context does: name, mode or content.

    What .dockerignore leaves out does not count. With `own_ignore_file`, as in BuildKit, a file
    `<Dockerfile>.dockerignore` takes the place of the context's. Folders count by what is in them, symbolic links
    by where they point, as with the official provider.

    Errors:
        OSError: a file cannot be read.
    """
    total = hashlib.sha256(dockerfile.read_bytes())
    for name in sorted(exclude_paths(context, _patterns(context, dockerfile, own_ignore_file))):
        path = context / name
        mode = path.lstat().st_mode
        if not stat.S_ISDIR(mode):
            total.update(f"\0{name}\0{stat.filemode(mode)}\0".encode() + _content(path, mode))
    return total.hexdigest()


def _patterns(context: Path, dockerfile: Path, own_ignore_file: bool) -> list[str]:
    own = [dockerfile.with_name(f"{dockerfile.name}.dockerignore")] if own_ignore_file else []
    for candidate in (*own, context / ".dockerignore"):
        if candidate.is_file():
            lines = (line.strip() for line in candidate.read_text("utf-8-sig").splitlines())
            return [line for line in lines if line and not line.startswith("#")]
    return []


def _content(path: Path, mode: int) -> bytes:
    if stat.S_ISLNK(mode):
        return hashlib.sha256(os.readlink(path).encode()).digest()
    if stat.S_ISREG(mode):
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    return b""
