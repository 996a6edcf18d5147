"""Builds of pinned Go modules, kept in the cache under the hash of what pins them."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandbox import paths, progress
from sandbox.errors import SandboxError, last_line


def build(name: str, module: Path, *, ldflags: str = "-s -w", env: dict[str, str] | None = None) -> Path:
    """Build every `tool` of the Go module in `module`; return the folder that holds the binaries.

    The cache key is the Go version, the flags and every file of the module, so a second call builds nothing.

    Errors:
        SandboxError: there is no usable Go, a module is refused, or it does not compile; the log is named.
    """
    flags = ["-trimpath", "-ldflags", ldflags]
    settings = {"CGO_ENABLED": "0", **(env or {})}
    target = paths.CACHE / "go" / f"{name}-{_key(module, [*flags, str(sorted(settings.items()))])}"
    if target.is_dir():
        return target
    paths.BUILD_LOGS.mkdir(parents=True, exist_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_name(f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two may ask at once: the second finds it built
        if not target.is_dir():
            _build(name, module, flags, settings, target)
    return target


def _build(name: str, module: Path, flags: Sequence[str], settings: Mapping[str, str], target: Path) -> None:
    log = paths.BUILD_LOGS / f"go-{name}.log"
    # Built beside the target and renamed: an interrupted build never looks like a finished one.
    scratch = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=target.parent))
    try:
        with progress.step(f"build {name} from its Go module", log), log.open("wb") as out:
            done = subprocess.run(
                ["go", "build", "-C", str(module), *flags, "-o", f"{scratch}/", "tool"],
                env={**os.environ, **settings},
                stdout=out,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode:
            last = last_line(log.read_text(errors="replace"))
            raise SandboxError(f"building {name} failed: {last} (whole log: {log})")
        scratch.chmod(0o755)
        scratch.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def version() -> str:
    """The Go toolchain's own version line.

    Errors:
        SandboxError: no `go` on PATH.
    """
    try:
        return subprocess.run(["go", "version"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        raise SandboxError("no usable Go: install Go >= 1.26 and put `go` on PATH") from error


def _key(module: Path, flags: Sequence[str]) -> str:
    digest = hashlib.sha256(version().encode())
    for flag in flags:
        digest.update(flag.encode() + b"\0")
    for path in sorted(p for p in module.rglob("*") if p.suffix in {".go", ".mod", ".sum"}):
        digest.update(path.relative_to(module).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
