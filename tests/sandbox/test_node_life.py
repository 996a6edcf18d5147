"""Check 7: what the sandbox leaves behind, and what it makes of a sandbox that was killed.

These tests run a second sandbox, with a state folder and ports of its own, so that it can be killed and taken down
beside the one that the other tests use.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox import paths
from sandbox.cluster import settings
from tests.sandbox import machine
from tests.sandbox.harness import Checkout
from tests.sandbox.machine import Machine

MARK = "CODE_SANDBOX_TRIAL"
"""An environment variable that every process of a trial inherits."""

PORT_OFFSET = 25000

SCRIPT = """
import json
from sandbox.cluster import cgroups, netns
print(json.dumps([sorted(cgroups.processes()), netns.init_pid()]))
"""
"""Asks the sandbox's own modules, with the trial's settings."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A sandbox of its own, and the machine as it was before."""

    checkout: Checkout
    state: Path
    mark: str
    before: Machine

    def inside(self) -> tuple[list[int], int]:
        """The running sandbox's processes, and the first one of the node."""
        asked = subprocess.run(
            [*_python(), "-c", SCRIPT],
            cwd=self.checkout.folder,
            env={**os.environ, **self.checkout.environment},
            capture_output=True,
            text=True,
            check=True,
        )
        processes, first = json.loads(asked.stdout)
        return processes, first

    def left_behind(self) -> list[str]:
        """What is on the machine that was not before; empty if the sandbox is gone without a trace."""
        left = self.before.differences(_look())
        left += [f"process: {process}" for process in machine.processes_with(MARK, self.mark)]
        if self.state.exists():
            left.append(f"state folder {self.state}")
        return left


@pytest.fixture
def trial() -> Iterator[Trial]:
    # Not pytest's tmp_path: sockets lie in it, whose paths must be short.
    with tempfile.TemporaryDirectory(prefix="sandbox-") as folder:
        mark, state = uuid.uuid4().hex, Path(folder) / "state"
        environment = {"CODE_SANDBOX_STATE": str(state), "CODE_SANDBOX_PORT_OFFSET": str(PORT_OFFSET), MARK: mark}
        checkout = Checkout(folder=paths.CHECKOUT, environment=environment)
        yield Trial(checkout=checkout, state=state, mark=mark, before=_look())
        for arguments in (("down", "--other"), ("down",)):
            checkout.sandbox(*arguments)
        shutil.rmtree(settings.STORES.with_name(settings.sandbox_id(state)))


def test_down_leaves_the_machine_as_it_was_even_after_an_interrupted_up(trial: Trial) -> None:
    _interrupt(trial, signal.SIGINT, "API server")
    _interrupt(trial, signal.SIGKILL, "kubelet")
    trial.checkout.sandbox("up")
    _use(trial)
    processes, first = trial.inside()
    namespaces = machine.namespaces_of(first)
    assert len(processes) > 20
    assert {name.partition(":")[0] for name in namespaces} >= {"pid", "mnt", "net", "uts", "ipc", "cgroup"}

    trial.checkout.sandbox("down")

    assert trial.left_behind() == []
    assert machine.in_use(namespaces) == frozenset()


def test_a_killed_sandbox_is_taken_over_from_a_second_clone(trial: Trial, tmp_path: Path) -> None:
    trial.checkout.sandbox("up")
    _use(trial)
    processes, _ = trial.inside()
    for pid in processes:
        with suppress(ProcessLookupError):  # it went with the node's first process
            os.kill(pid, signal.SIGKILL)
    clone = Checkout(folder=_clone(tmp_path / "clone"), environment=trial.checkout.environment)

    clone.sandbox("up")

    assert "True" in _kubectl(clone, "get", "nodes", "--output=jsonpath={.items[*].status.conditions[-1].status}")
    assert "kept" in _kubectl(clone, "get", "configmaps", "--output=name")
    refused = trial.checkout.command("up")
    assert refused.returncode == 1
    assert refused.stderr.splitlines() == [
        f"sandbox: a sandbox of {clone.folder} is running: end it with `python -m sandbox down --other`"
    ]
    assert trial.checkout.command("down").returncode == 1
    trial.checkout.sandbox("down", "--other")
    trial.checkout.sandbox("down", "--other")  # none is left: nothing to do is success
    assert trial.left_behind() == []


def _interrupt(trial: Trial, number: signal.Signals, at: str) -> None:
    """Send a signal to an `up`, and all that a terminal sends it to, when it comes to a step."""
    with trial.checkout.popen("up") as process:
        assert process.stderr
        said: list[str] = []
        for line in process.stderr:
            said.append(line)
            if at in line:
                os.killpg(process.pid, number)
                break
        said += process.communicate()[1]
    assert process.returncode in {130, -signal.SIGKILL}, "".join(said)


def _use(trial: Trial) -> None:
    """Have the node do all that leaves traces on a machine: an object, a pod's network and mounts, a container."""
    _kubectl(trial.checkout, "create", "configmap", "kept")
    environment = trial.checkout.exports()
    image = next(name for name in json.loads((trial.state / "image-lock.json").read_text()) if "debian" in name)
    command = ["docker", "run", "--detach", "--volume", "data:/data", image, "sleep", "600"]
    subprocess.run(command, env=environment, check=True, capture_output=True)


def _kubectl(checkout: Checkout, *arguments: str) -> str:
    return subprocess.run(
        ["kubectl", *arguments], env=checkout.exports(), check=True, capture_output=True, text=True
    ).stdout


def _clone(target: Path) -> Path:
    """A second checkout with the same content, committed or not."""
    shutil.copytree(paths.CHECKOUT, target, symlinks=True, ignore=shutil.ignore_patterns(".git", "__pycache__"))
    return target


def _look() -> Machine:
    return machine.look(ignore=[paths.CACHE, paths.STATE])


def _python() -> list[str]:
    return [str(paths.CHECKOUT / ".venv" / "bin" / "python")]
