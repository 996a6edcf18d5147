"""Files from PyPI, fetched by pip and checked against their locked hashes."""

import sys
import zipfile
from pathlib import Path

from sandbox.images import layers


def fetch(layer: str, lock: Path, target: Path) -> Path:
    """Download the one wheel that `lock` names into the folder `target`; return its path.

    Errors:
        SandboxError: pip cannot get it, or its hash is another one.
    """
    argv = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    layers.run(layer, [*argv, "--disable-pip-version-check", "--dest", target, "--requirement", lock])
    (wheel,) = target.glob("*.whl")
    return wheel


def unpack(wheel: Path, target: Path) -> None:
    """Unpack a wheel into a folder, keeping the executable bits that zipfile forgets."""
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            path = Path(archive.extract(member, target))
            if path.is_file() and member.external_attr >> 16 & 0o100:
                path.chmod(0o755)
