"""Layers of the base images: folders packed to the same bytes every time, kept in the cache by what pins them."""

import fcntl
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from sandbox import paths, progress
from sandbox.errors import SandboxError, last_line

STORE = paths.CACHE / "images"
"""The cache of base images."""

BLOBS = STORE / "blobs" / "sha256"
"""Layers, configurations and manifests, each named by the SHA-256 of its bytes as in an OCI layout."""

EPOCH = 1735689600
"""The time stamp of every file and image made here, in seconds (2025-01-01 UTC): it has to be some constant."""

_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A compressed tar file in the store.

    `digest` and `size` (bytes) are those of the compressed file, `diff_id` is the digest of the plain tar file.
    """

    digest: str
    diff_id: str
    size: int


def cached(name: str, sources: Sequence[Path], pins: Iterable[str], make: Callable[[Path], Path]) -> Layer:
    """The layer `name`; made only if the store has none of the same pins.

    Args:
        name: names the layer in the store and in progress lines.
        sources: files and folders of ours that make it; their content is part of the key.
        pins: what else decides on its content: versions, addresses.
        make: gets an empty scratch folder and returns the tar file that it made there.

    Errors:
        SandboxError: whatever `make` reports.
    """
    record = STORE / "layers" / f"{name}-{_key(sources, pins)}.json"
    scratch = STORE / "scratch" / name
    for folder in (record.parent, scratch.parent, BLOBS):
        folder.mkdir(parents=True, exist_ok=True)
    if record.is_file():
        return Layer(**json.loads(record.read_text()))
    # Two sandboxes may share a cache: one makes the layer, the other finds it made.
    with (scratch.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if record.is_file():
            return Layer(**json.loads(record.read_text()))
        shutil.rmtree(scratch, ignore_errors=True)  # what an interrupted run left behind
        scratch.mkdir()
        log_of(name).unlink(missing_ok=True)
        try:
            with progress.step(f"make the image layer {name}", log_of(name)):
                layer = add_tar(make(scratch))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        write(record, json.dumps(asdict(layer)).encode())
    return layer


def log_of(name: str) -> Path:
    """The log of the commands that make the layer `name`."""
    return paths.BUILD_LOGS / f"image-{name}.log"


def run(name: str, argv: Sequence[str | Path], *, cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
    """Run a command that helps to make the layer `name`, its output in the layer's log.

    Errors:
        SandboxError: the program is missing or fails; names the log and its last line.
    """
    if not shutil.which(argv[0]):
        raise SandboxError(f"{argv[0]} is missing: install the Debian packages that the sandbox needs")
    log = log_of(name)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        done = subprocess.run(
            # It dies with us: were we killed, it would go on writing where the next run begins afresh.
            ["setpriv", "--pdeathsig", "KILL", "--", *argv],
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdout=out,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        last = last_line(log.read_text(errors="replace"))
        raise SandboxError(f"making the image layer {name} failed: {last} (whole log: {log})")


def pack(tree: Path) -> Path:
    """Pack a folder to a tar file beside it: same names, contents and executable bits, same bytes."""
    target = tree.with_suffix(".tar")
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(tree.rglob("*")):
            entry = archive.gettarinfo(path, path.relative_to(tree).as_posix())
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mtime = EPOCH
            # Whatever umask the machine has: readable by all, executable if its owner may execute it.
            entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
            if entry.isfile():
                with path.open("rb") as content:
                    archive.addfile(entry, content)
            else:
                archive.addfile(entry)
    return target


def add_tar(tar: Path) -> Layer:
    """Compress a tar file into the store."""
    plain = hashlib.sha256()
    packed = tar.with_suffix(".gz")
    # No name and no time in the header: the same tar file gives the same bytes.
    with (
        tar.open("rb") as source,
        packed.open("wb") as target,
        gzip.GzipFile(filename="", mode="wb", fileobj=target, mtime=0, compresslevel=6) as compressed,
    ):
        while chunk := source.read(_CHUNK):
            plain.update(chunk)
            compressed.write(chunk)
    with packed.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    size = packed.stat().st_size
    BLOBS.mkdir(parents=True, exist_ok=True)
    shutil.move(packed, BLOBS / digest)
    return Layer(digest=f"sha256:{digest}", diff_id=f"sha256:{plain.hexdigest()}", size=size)


def add_bytes(content: bytes) -> str:
    """Put a small blob into the store; return its digest."""
    digest = hashlib.sha256(content).hexdigest()
    if not (BLOBS / digest).is_file():
        write(BLOBS / digest, content)
    return f"sha256:{digest}"


def write(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def _key(sources: Sequence[Path], pins: Iterable[str]) -> str:
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for pin in pins:
        digest.update(pin.encode() + b"\0")
    for source in sources:
        files = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
        for path in files:
            if "__pycache__" not in path.parts:
                digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
