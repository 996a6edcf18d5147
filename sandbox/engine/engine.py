"""Finds the Pulumi engine on this machine, or builds the pinned release."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from sandbox import gobuild, paths, progress
from sandbox.engine import release
from sandbox.errors import SandboxError

HOST = "pulumi-language-python"
RUNNER = "pulumi-language-python-exec"
"""The script that runs a Python program. The language host expects it beside the engine that started it."""

OUR_HOST = release.MODULE / "bin"
"""The folder of this checkout's language host. It holds nothing else: official providers may stay in use beside it."""


@dataclass(frozen=True)
class Engine:
    """A Pulumi engine that can run Python programs."""

    pulumi: Path
    """The CLI."""
    runner: Path
    """The script that runs a Python program."""
    version: str
    """The release, such as `3.259.0`."""
    official: bool
    """Whether it is an installed distribution, which brings its own language host."""

    @property
    def bin_folders(self) -> list[Path]:
        """What goes in front of PATH, first one first, so that programs run: never our host over an official one."""
        return [self.pulumi.parent] if self.official else [self.pulumi.parent, OUR_HOST]


def home() -> Path:
    """The folder of the engine's own things (plugins, workspaces): the user's, or one in the cache if there is none."""
    users = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    return users if users.is_dir() else paths.CACHE / "pulumi-home"


def find_or_build() -> Engine:
    """The engine of an installed distribution that is new enough, else the pinned one, built at the first call.

    Errors:
        SandboxError: there is none, and the pinned one cannot be built (no Go, or the module registry refuses it).
    """
    return _installed() or _built()


def _installed() -> Engine | None:
    """The distribution on PATH, if it is complete and at least the pinned release."""
    for folder in os.get_exec_path():
        pulumi = Path(folder, "pulumi")
        # Our own build may be on PATH already (`sandbox env`); it is not a distribution.
        ours = any(pulumi.resolve().is_relative_to(place.resolve()) for place in (paths.CACHE, paths.STATE))
        if ours or not os.access(pulumi, os.X_OK):
            continue
        home = pulumi.resolve().parent
        host = shutil.which(HOST, path=os.pathsep.join((str(home), folder)))
        runner = Path(host).resolve().with_name(RUNNER) if host else home / RUNNER
        version = _version(pulumi)
        if version is None or _order(version) < _order(release.pinned()):
            progress.say(f"{pulumi} is {version or 'no working engine'}, older than {release.pinned()}: not used")
        elif host is None or not runner.is_file():
            progress.say(f"{pulumi} comes without {HOST}: not used")
        else:
            return Engine(Path(folder, "pulumi"), runner, version, official=True)
    return None


def _version(pulumi: Path) -> str | None:
    """What a CLI says it is; nothing where it does not run or says no version."""
    env = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        done = subprocess.run([pulumi, "version"], capture_output=True, text=True, check=True, env=env, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.fullmatch(r"v?(\d+\.\d+\.\d+\S*)", done.stdout.strip())
    return found[1] if found else None


def _order(version: str) -> tuple[int, ...]:
    """The numbers of a version, to compare by; a pre-release counts as its release."""
    return tuple(int(part) for part in re.split(r"[-+]", version)[0].split("."))


def _built() -> Engine:
    version = release.pinned()
    # Without it the CLI thinks that it is a development build: its version shows as empty everywhere.
    stamp = f"-s -w -X {release.SDK}/go/common/version.Version=v{version}"
    folder = gobuild.build("engine", release.MODULE, ldflags=stamp)
    runner = folder / RUNNER
    if not runner.is_file():  # not made yet, or the Go module cache it points into was cleaned
        _link(runner, _module(release.SDK) / "python" / "cmd" / RUNNER)
    return Engine(folder / "pulumi", runner, version, official=False)


def _link(link: Path, target: Path) -> None:
    """Make or replace a symbolic link in one step, so that two builders at once cannot trip each other."""
    if not target.is_file():
        raise SandboxError(f"{target} is missing: the SDK's Go module no longer carries the runner of Python programs")
    scratch = link.with_name(f".{link.name}-{os.getpid()}")
    scratch.symlink_to(target)
    scratch.rename(link)


def _module(path: str) -> Path:
    """The folder of a Go module of the engine's build in the module cache, downloaded if it is not there."""
    command = ["go", "mod", "download", "-C", str(release.MODULE), "-json", path]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise SandboxError("no usable Go: install Go >= 1.26 and put `go` on PATH") from error
    try:
        answer = json.loads(done.stdout)
    except json.JSONDecodeError:
        answer = {"Error": done.stderr.strip() or f"`go mod download` ended with {done.returncode}"}
    if "Dir" not in answer:
        raise SandboxError(f"the module registry refuses {path}: {' '.join(answer.get('Error', 'no folder').split())}")
    return Path(answer["Dir"])
