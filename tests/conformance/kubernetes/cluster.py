"""The cluster under test, asked past the provider (by kubectl), and programs that use it."""

import json
import os
import subprocess
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance.cli import Cli, Result
from tests.waiting import until

PATIENCE_S = 30.0
"""How long a test waits for something to show in the cluster."""

OWNER = "conformance.code/owner"
"""The label by which a test's own cluster-wide objects are found and removed."""

_PRELUDE = """
import os
import pulumi
import pulumi_kubernetes as k8s
NS = os.environ["NAMESPACE"]
"""


@dataclass(frozen=True)
class Cluster:
    """An API server, and kubectl to ask it."""

    kubectl: str
    kubeconfig: Path
    namespace: str = ""
    """The test's own, in which kubectl works."""

    def run(self, *arguments: str, stdin: str | None = None) -> Result:
        """Run kubectl, whatever its end."""
        place = ["--namespace", self.namespace] if self.namespace else []
        done = subprocess.run(
            [self.kubectl, "--kubeconfig", str(self.kubeconfig), *place, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: str, stdin: str | None = None) -> str:
        """What a command that must succeed prints."""
        done = self.run(*arguments, stdin=stdin)
        assert done.code == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def get(self, *what: str) -> Any:  # noqa: ANN401 (JSON)
        """An object or a list."""
        return json.loads(self.ok("get", *what, "--output", "json", "--show-managed-fields"))

    def exists(self, *what: str) -> bool:
        """Whether there is such an object."""
        return self.run("get", *what).code == 0

    def names(self, kind: str, *more: str) -> list[str]:
        """The names of all objects of a kind."""
        return [item["metadata"]["name"] for item in self.get(kind, *more)["items"]]

    def until(self, what: str, condition: Callable[[], bool]) -> None:
        """Wait until something is so in the cluster."""
        until(what, condition, seconds=PATIENCE_S)


@dataclass(frozen=True)
class Project:
    """A Pulumi project on the cluster, in a namespace of its own."""

    cli: Cli
    cluster: Cluster

    @property
    def namespace(self) -> str:
        """The test's namespace, `NS` in programs."""
        return self.cluster.namespace

    def program(self, source: str) -> None:
        """Write the program; `k8s`, `pulumi` and `NS` are imported."""
        self.cli.program(_PRELUDE + textwrap.dedent(source))

    def up(self, source: str) -> Result:
        """Write the program, and bring it up, which must succeed."""
        self.program(source)
        return self.cli.up()

    def fails(self, *command: str) -> str:
        """Run a command that must fail; all it wrote, on one line."""
        result = self.cli.run(*command)
        assert result.code != 0, f"pulumi {' '.join(command)} succeeded:\n{result.text}"
        return " ".join(result.text.split())

    def preview_fails(self, source: str) -> str:
        """Preview a program that must be refused; all that was written, on one line."""
        self.program(source)
        return self.fails("preview")

    def changes(self, *options: str) -> dict[str, str]:
        """What the next update would do, by resource name; what stays is left out."""
        planned = self.cli.json("preview", *options)["steps"]
        done = {step["urn"].rsplit("::", 1)[-1]: step["op"] for step in planned if "kubernetes:" in step["urn"]}
        return {name: op for name, op in done.items() if op != "same"}

    def resource(self, name: str) -> dict[str, Any]:
        """A resource in the state."""
        return next(item for item in self.cli.resources() if item["urn"].endswith(f"::{name}"))


def kubeconfig_path() -> Path:
    """The kubeconfig of KUBECONFIG, else of the machine's sandbox."""
    from sandbox.cluster.settings import kubeconfig

    return Path(os.environ.get("KUBECONFIG") or kubeconfig())
