"""Whether programs run on the official plugins or on the stand-ins.

All or nothing: a stand-in on PATH shadows an installed plugin, so the folder of ours is on PATH or it is not.
"""

import json
import os
import subprocess
import time
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

from sandbox import paths, progress
from sandbox.engine import engine
from sandbox.errors import SandboxError

BIN = Path(__file__).resolve().parent / "bin"
"""The folder of the stand-ins' executables, and of nothing else."""

REFUSED = paths.CACHE / "official-plugins-refused.json"
"""The versions that could not be installed the last time, and why; without it `auto` asks again."""

AUTO_S = 10.0
"""How long `auto` may take to install the official plugins, all together, in seconds."""

OFFICIAL_S = 600.0
"""The same for `official`, where there is nothing to fall back to."""

_PREFIX = "pulumi-resource-"


class Choice(Enum):
    """The values of the make variable PLUGINS."""

    AUTO = "auto"
    """The official ones if they are installed or can be installed at once, else ours."""
    OFFICIAL = "official"
    STAND_IN = "stand-in"


def parse(text: str) -> Choice:
    """The value of PLUGINS.

    Errors:
        SandboxError: there is no such value.
    """
    try:
        return Choice(text)
    except ValueError:
        raise SandboxError(f"PLUGINS={text}: must be one of {', '.join(c.value for c in Choice)}") from None


def plugin_path(choice: Choice, pulumi: Path) -> list[Path]:
    """The folders to put in front of PATH so that `pulumi` finds the chosen plugins; says in one line which they are.

    Errors:
        SandboxError: the official ones were demanded and cannot be had.
    """
    if choice is Choice.STAND_IN:
        return _ours("PLUGINS=stand-in")
    missing = {name: version for name, version in official().items() if not _installed(name, version)}
    if not missing:
        return _theirs()
    if choice is Choice.OFFICIAL:
        if reason := _install(pulumi, missing, OFFICIAL_S):
            raise SandboxError(f"PLUGINS=official, but they cannot be had: {reason}; PLUGINS=auto takes the stand-ins")
        REFUSED.unlink(missing_ok=True)
        return _theirs()
    if (refusal := _remembered(missing)) is not None:
        return _ours(f"the official ones were refused: {refusal}; `rm {REFUSED}` asks again")
    if reason := _install(pulumi, missing, AUTO_S):
        REFUSED.parent.mkdir(parents=True, exist_ok=True)
        REFUSED.write_text(json.dumps({"versions": missing, "reason": reason}))
        return _ours(f"the official ones cannot be had: {reason}; `rm {REFUSED}` asks again")
    return _theirs()


def official() -> Mapping[str, str]:
    """The official plugin of every stand-in: name -> version."""
    names = sorted(path.name.removeprefix(_PREFIX) for path in BIN.glob(f"{_PREFIX}*"))
    return {name: official_version(name) for name in names}


def official_version(name: str) -> str:
    """The version of the official plugin that the installed SDK of a provider asks for.

    Errors:
        SandboxError: the SDK is not installed.
    """
    packages = paths.CHECKOUT / ".venv" / "lib"
    found = next(packages.glob(f"python3.*/site-packages/pulumi_{name}/pulumi-plugin.json"), None)
    if found is None:
        raise SandboxError(f"pulumi-{name} is not installed in {paths.CHECKOUT / '.venv'}: run `make up` first")
    return str(json.loads(found.read_text())["version"])


def _ours(why: str) -> list[Path]:
    progress.say(f"plugins: the sandbox's stand-ins for {', '.join(official())} ({why})")
    return [BIN]


def _theirs() -> list[Path]:
    progress.say(f"plugins: official {', '.join(f'{name} {version}' for name, version in official().items())}")
    return []


def _installed(name: str, version: str) -> bool:
    """Whether the engine finds the plugin in its folder; one that is half downloaded has a `.partial` beside it."""
    folder = engine.home() / "plugins" / f"resource-{name}-v{version}"
    return os.access(folder / f"{_PREFIX}{name}", os.X_OK) and not folder.with_name(f"{folder.name}.partial").exists()


def _remembered(missing: Mapping[str, str]) -> str | None:
    """Why these very versions could not be installed the last time; None where it was not tried."""
    try:
        refused = json.loads(REFUSED.read_text())
    except FileNotFoundError:
        return None
    return str(refused["reason"]) if refused["versions"] == missing else None


def _install(pulumi: Path, missing: Mapping[str, str], seconds: float) -> str | None:
    """Install plugins one after the other within so many seconds; the reason where one cannot be had."""
    end = time.monotonic() + seconds
    for name, version in missing.items():
        what = f"{name} {version}"
        try:
            done = subprocess.run(
                [pulumi, "plugin", "install", "resource", name, version],
                env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
                timeout=max(end - time.monotonic(), 0),
            )
        except subprocess.TimeoutExpired:
            return f"{what} took more than {seconds:g} s"
        if done.returncode:
            said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
            return f"{what}: {said[-1] if said else f'pulumi ended with {done.returncode}'}"
    return None
