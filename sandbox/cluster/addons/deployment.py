"""Brings the add-ons into a running cluster and waits until they work."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from sandbox import images as base_images
from sandbox import progress
from sandbox.cluster.addons.agents import IDENTITIES
from sandbox.cluster.addons.images import Images, reference
from sandbox.cluster.settings import CLUSTER_DOMAIN, REGISTRY, RUN, Settings
from sandbox.errors import SandboxError

MANIFESTS = Path(__file__).parent / "manifests"

VOLUMES = RUN / "volumes"
"""Folder of the volumes; the node sees it under the same path."""

READY_S = 120
"""Seconds within which a Deployment must be available. It takes 5 to 15."""

_LAST_LINES = 15


@dataclass(frozen=True, kw_only=True)
class _Deployment:
    namespace: str
    name: str


_DEPLOYMENTS = (
    _Deployment(namespace="kube-system", name="coredns"),
    _Deployment(namespace="local-path-storage", name="local-path-provisioner"),
)


@dataclass(frozen=True, kw_only=True)
class Kubectl:
    """A kubectl that speaks to one cluster."""

    program: Path
    kubeconfig: Path

    def run(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run it; the exit code is the caller's to judge."""
        command = [self.program, f"--kubeconfig={self.kubeconfig}", *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def permit(kubectl: Kubectl) -> None:
    """Give the users of `IDENTITIES` their permissions. Done before `programs` start: they would back off without.

    Errors:
        SandboxError: the API server refuses.
    """
    _apply(kubectl, render_permissions())


def install(wanted: Settings, images: Images, kubectl: Kubectl, enter: Sequence[str]) -> None:
    """Push the images, apply the manifests, wait until what they deploy is available. Safe to repeat.

    Args:
        wanted: the node's settings.
        images: what `images.make` returned.
        kubectl: as an administrator of the cluster.
        enter: command prefix that runs a program in the node's network namespace.

    Errors:
        SandboxError: the registry or the API server refuses something, or a Deployment is not available in time: its
            pods, their events and last log lines are printed first.
    """
    pushed = (images.coredns, images.local_path_provisioner, images.volume_helper)
    base_images.push_all(pushed, enter, REGISTRY)
    _apply(kubectl, render(wanted, images))
    for deployment in _DEPLOYMENTS:
        _wait(kubectl, deployment)


def render_permissions() -> str:
    """What the node's agents may do."""
    users = {f"{name.replace('-', '_')}_user": user for name, user in IDENTITIES.items()}
    return _fill("node-agents", users)


def render(wanted: Settings, images: Images) -> str:
    """What runs as pods, and all that belongs to it."""
    dns = {
        "cluster_domain": CLUSTER_DOMAIN,
        "dns_service": str(wanted.network.dns_service),
        "coredns": reference(images.coredns),
    }
    storage = {
        "local_path_provisioner": reference(images.local_path_provisioner),
        "volume_helper": reference(images.volume_helper),
        "volumes": str(VOLUMES),
    }
    return f"{_fill('dns', dns)}---\n{_fill('storage', storage)}"


def _fill(name: str, values: Mapping[str, str]) -> str:
    return Template((MANIFESTS / f"{name}.yaml").read_text()).substitute(values)


def _apply(kubectl: Kubectl, manifests: str) -> None:
    # Forced: these objects are the sandbox's own, whoever else has touched them.
    done = kubectl.run(
        "apply", "--server-side", "--force-conflicts", "--field-manager=code-sandbox", "-f-", stdin=manifests
    )
    if done.returncode:
        raise SandboxError(f"the add-ons' manifests are refused: {_last_line(done.stderr)}")


def _wait(kubectl: Kubectl, deployment: _Deployment) -> None:
    with progress.step(f"add-on {deployment.name} available"):
        done = kubectl.run(
            *("rollout", "status", f"deployment/{deployment.name}"),
            *(f"--namespace={deployment.namespace}", f"--timeout={READY_S}s"),
        )
        if done.returncode == 0:
            return
        _explain(kubectl, deployment)
    raise SandboxError(f"add-on {deployment.name} is not available: {_last_line(done.stderr or done.stdout)}")


def _explain(kubectl: Kubectl, deployment: _Deployment) -> None:
    """Print what an operator would look at first."""
    namespace = f"--namespace={deployment.namespace}"
    for arguments in (
        ("get", "pods", namespace, "--output=wide"),
        ("get", "events", namespace, "--sort-by=.lastTimestamp", "--field-selector=type=Warning"),
        ("logs", namespace, f"deployment/{deployment.name}", f"--tail={_LAST_LINES}"),
    ):
        said = kubectl.run(*arguments)
        for line in (said.stdout + said.stderr).splitlines()[-_LAST_LINES:]:
            progress.say(f"      | {line}")


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no output"
