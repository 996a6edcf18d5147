"""The sandbox as tests use it: through its commands and the environment it hands out."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox import paths
from sandbox.cluster import settings
from sandbox.cluster.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """A checkout from which sandbox commands are given.

    Attributes:
        folder: its root.
        environment: what the commands are given beside this process's environment.
    """

    folder: Path
    environment: Mapping[str, str]

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m sandbox` with `arguments` to its end; the exit code is the caller's to judge."""
        with self.popen(*arguments) as process:
            out, err = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def sandbox(self, *arguments: str) -> str:
        """Run `python -m sandbox` with `arguments`, which must succeed; return what it prints."""
        done = self.command(*arguments)
        assert done.returncode == 0, f"sandbox {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def popen(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `python -m sandbox` with `arguments`, in a process group of its own as a shell does."""
        return subprocess.Popen(
            # A shell's background job ignores Ctrl-C, and so would all that it starts: these tests may be in one.
            ["env", "--default-signal=INT", sys.executable, "-m", "sandbox", *arguments],
            cwd=self.folder,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,
        )

    def exports(self) -> dict[str, str]:
        """The environment of a shell that has evaluated `python -m sandbox env`."""
        script = 'exports="$("$0" -m sandbox env)" && eval "$exports" && env -0'
        done = subprocess.run(
            ["bash", "-c", script, sys.executable],
            cwd=self.folder,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=True,
        )
        return dict(pair.split("=", 1) for pair in done.stdout.split("\0") if pair)


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """A running sandbox.

    Attributes:
        environment: a whole environment, with kubectl, docker and pulumi on PATH and pointed at the sandbox.
        wanted: the node's settings.
    """

    environment: Mapping[str, str]
    wanted: Settings

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl, which must succeed; return its stdout."""
        return self.run("kubectl", *arguments, stdin=stdin)

    def run(self, *argv: str, stdin: str | None = None) -> str:
        """Run a program in the sandbox's environment, which must succeed; return its stdout."""
        done = subprocess.run(
            argv, env=dict(self.environment), input=stdin, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{' '.join(argv)}: {done.stdout}{done.stderr}"
        return done.stdout


def start(checkout: Checkout) -> Cluster:
    """The sandbox of a checkout, started or completed if it is not up."""
    checkout.sandbox("up")
    return Cluster(environment=checkout.exports(), wanted=settings.load())


def here() -> Checkout:
    """The checkout under test, with the machine's one sandbox."""
    return Checkout(folder=paths.CHECKOUT, environment={})
