"""The Pulumi CLI in a project of its own: what a conformance test runs and reads."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox import paths
from sandbox.engine.engine import Engine

STACK = "dev"
PROJECT = "demo"
STAND_INS = paths.CHECKOUT / "sandbox" / "plugins" / "bin"
"""The folder of the stand-in providers."""

_AMBIENT = ("PULUMI_", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "KUBECONFIG", "DOCKER_HOST")
"""How the variables begin that would let the machine at hand decide what a test sees."""


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        """All it wrote."""
        return self.stdout + self.stderr


class Cli:
    """One project with one stack, in a folder of its own, with state, plugins and settings of its own.

    Set `environment` to hand more to the CLI and what it starts (KUBECONFIG, say).
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        """Use the project that `make_project` made below `folder`."""
        self.folder = folder / "project"
        self.environment = _environment(engine, folder)
        self._started: list[subprocess.Popen[str]] = []

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project; the text's common indentation is taken off."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def program(self, source: str) -> Path:
        """Write the program; the source's common indentation is taken off."""
        return self.write("__main__.py", source)

    def run(self, *arguments: str, timeout_s: float = 120) -> Result:
        """Run `pulumi ARGUMENTS` to its end, whatever the end is."""
        done = subprocess.run(
            self._command(arguments),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: str, timeout_s: float = 120) -> Result:
        """Run a command that must succeed."""
        result = self.run(*arguments, timeout_s=timeout_s)
        assert result.code == 0, f"pulumi {' '.join(arguments)} ended with {result.code}:\n{result.text}"
        return result

    def json(self, *arguments: str, timeout_s: float = 120) -> Any:  # noqa: ANN401 (any JSON)
        """What `pulumi ARGUMENTS --json` prints, which must succeed."""
        return json.loads(self.ok(*arguments, "--json", timeout_s=timeout_s).stdout)

    def up(self, *arguments: str) -> Result:
        """`pulumi up`, without the preview before it; it must succeed."""
        return self.ok("up", "--yes", "--skip-preview", *arguments)

    def outputs(self, *, show_secrets: bool = False) -> dict[str, Any]:
        """The stack's outputs; secret ones are `[secret]` unless they are to be shown."""
        return self.json("stack", "output", *(["--show-secrets"] if show_secrets else []))

    def resources(self) -> list[dict[str, Any]]:
        """The resources in the state, as `pulumi stack export` has them."""
        deployment = json.loads(self.ok("stack", "export").stdout)["deployment"]
        return deployment.get("resources", [])

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `pulumi ARGUMENTS` and go on; stdout and stderr are one pipe. `close` kills it if it still runs."""
        process = subprocess.Popen(
            self._command(arguments),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._started.append(process)
        return process

    def close(self) -> None:
        """End what `start` started."""
        for process in self._started:
            process.kill()
            process.communicate()

    def _command(self, arguments: Iterable[str]) -> list[str]:
        return ["pulumi", *arguments, "--non-interactive", "--color", "never"]


def make_project(engine: Engine, folder: Path) -> None:
    """Make a project with an empty program, and its stack, below `folder`."""
    cli = Cli(engine, folder)
    cli.write(
        "Pulumi.yaml",
        f"""
        name: {PROJECT}
        runtime:
          name: python
          options:
            virtualenv: {sys.prefix}
        """,
    )
    cli.program("")
    (folder / "state").mkdir()
    cli.ok("stack", "init", STACK)


def _environment(engine: Engine, folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_AMBIENT)}
    bins = [*map(str, engine.bin_folders), str(STAND_INS)]
    return kept | {
        "PATH": os.pathsep.join((*bins, kept["PATH"])),
        "PULUMI_HOME": str(folder / "pulumi-home"),
        "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "a passphrase for tests",
        "PULUMI_STACK": STACK,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # A plugin that is not on PATH is an error at once: no test waits for a download.
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "NO_COLOR": "1",
    }
