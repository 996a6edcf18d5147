"""PostgreSQL 15 with pgvector, which Debian 12 does not have: Debian 13's source, built against 15, in a folder apart.

PostgreSQL finds its files from where its program lies, so nothing of the machine's own is touched.
"""

import fcntl
import platform
import re
import shutil
import subprocess
from pathlib import Path

from sandbox import packages, paths
from sandbox.errors import SandboxError

HOME = paths.CACHE / "postgresql-15-pgvector-1"
"""Raise the number when the recipe changes."""

LOG = paths.BUILD_LOGS / "pgvector.log"

NEEDS = ("dpkg-dev", "gcc", "libc6-dev", "make", "patch", "postgresql-15", "xz-utils")
"""What builds it, and PostgreSQL's libraries."""
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
SOURCE_SUITE = "trixie"


def install(folder: Path) -> Path:
    """Put a copy into a folder, for who may not read the cache; returns the folder of its programs.

    Errors:
        SandboxError: it cannot be had here.
    """
    paths.CACHE.mkdir(parents=True, exist_ok=True)
    # pytest-xdist's workers ask at once: the first one builds, the others find it built.
    with (paths.CACHE / "pgvector.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        packages.install(NEEDS)
        if not HOME.exists():
            scratch = HOME.with_suffix(".new")
            shutil.rmtree(scratch, ignore_errors=True)
            LOG.parent.mkdir(parents=True, exist_ok=True)
            LOG.write_bytes(b"")
            _build(scratch / "build", scratch / "home")
            (scratch / "home").rename(HOME)
            shutil.rmtree(scratch)
    for part in ("lib/postgresql/15/bin", "lib/postgresql/15/lib", "share/postgresql/15"):
        shutil.copytree(HOME / "usr" / part, folder / part, ignore=shutil.ignore_patterns("bitcode", "pgxs"))
    return folder / "lib/postgresql/15/bin"


def _build(build: Path, home: Path) -> None:
    apt = _apt(build)
    _run(build, *apt, "update")
    _run(build, *apt, "download", "postgresql-15", "postgresql-client-15", "postgresql-server-dev-15")
    for package in sorted(build.glob("*.deb")):
        _run(build, "dpkg-deb", "--extract", str(package), str(home))
    _run(build, *apt, "--download-only", "source", f"pgvector/{SOURCE_SUITE}")
    _run(build, "dpkg-source", "--extract", *map(str, build.glob("pgvector_*.dsc")), "pgvector")
    config = home / "usr/lib/postgresql/15/bin/pg_config"
    _run(build, "make", "-C", "pgvector", f"PG_CONFIG={config}", "with_llvm=no", "OPTFLAGS=", "install")


def _apt(build: Path) -> list[str]:
    """apt-get with a configuration of its own: Debian 12 and the sources of 13, from where this machine gets Debian."""
    codename = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    uri = _mirror(codename)
    sources = build / "apt.list"
    for folder in ("lists/partial", "cache"):
        (build / folder).mkdir(parents=True)
    sources.write_text(
        f"deb [signed-by={KEYRING}] {uri} {codename} main\ndeb-src [signed-by={KEYRING}] {uri} {SOURCE_SUITE} main\n"
    )
    options = {
        "APT::Sandbox::User": "root",
        "Dir::Cache": build / "cache",
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": build / "lists",
        "Dir::State::Status": "/dev/null",  # whatever version is installed
    }
    return ["apt-get", "-q", *(word for key, value in options.items() for word in ("-o", f"{key}={value}"))]


def _mirror(codename: str) -> str:
    """Where the machine gets Debian of that name.

    Errors:
        SandboxError: it does not.
    """
    listed = sorted([*Path("/etc/apt").glob("*.list"), *Path("/etc/apt/sources.list.d").glob("*.*")])
    for file in listed:
        for entry in file.read_text(errors="replace").split("\n\n"):
            suites = re.search(rf"^Suites:.*\b{codename}(\s|$)", entry, re.MULTILINE)
            if suites and (found := re.search(r"^URIs:\s*(\S+)", entry, re.MULTILINE)):
                return found[1]
            if found := re.search(rf"^deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+{codename}\s+main\b", entry, re.MULTILINE):
                return found[1]
    raise SandboxError(f"no source of Debian {codename} in /etc/apt")


def _run(folder: Path, *command: str) -> None:
    with LOG.open("ab") as log:
        done = subprocess.run(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT, check=False, timeout=300)
    if done.returncode:
        last = LOG.read_text(errors="replace").strip().splitlines()[-1:]
        raise SandboxError(f"{command[0]} fails: {''.join(last)} (log: {LOG})")
