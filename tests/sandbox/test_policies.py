"""Packs and the real stack: it passes, and a copy of it with one thing broken is refused by the rule's name."""

import shutil
import subprocess
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox import paths
from tests.sandbox.platform import STACK, Platform

PACK = paths.CHECKOUT / "policies" / "security"

NOT_THE_PROGRAM = frozenset({"docs", "policies", "sandbox", "tests", "tools"})

BROKEN = """
import runpy

import pulumi
from pulumi.runtime import register_resource_transform

changed = []


def change(type, props):
{change}


def transform(args):
    # On the way to the engine, as the provider names the properties; the first one that fits is enough.
    if changed or not change(args.type_, args.props):
        return None
    changed.append(args.name)
    return pulumi.ResourceTransformResult(args.props, args.opts)


register_resource_transform(transform)
runpy.run_path("original.py", run_name="__main__")
{more}
"""


def container(change: str) -> str:
    """What changes `container`, the first one of a Deployment."""
    return f"""
        if type != "kubernetes:apps/v1:Deployment":
            return False
        container = props["spec"]["template"]["spec"]["containers"][0]
        {change}
        return True
    """


NO_CHANGE = "    return False"
OPENED = """
    if not type.endswith(":NetworkPolicy") or set(props["spec"].get("policyTypes", [])) != {"Ingress", "Egress"}:
        return False
    props["spec"]["policyTypes"] = ["Ingress"]
    return True
"""
UNLABELLED = """
    if not type.endswith(":Namespace"):
        return False
    del props["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    return True
"""
WILDCARD = """
from pulumi_kubernetes import rbac
rbac.v1.ClusterRole("everything", rules=[{"api_groups": [""], "resources": ["pods"], "verbs": ["*"]}])
"""


@dataclass(frozen=True)
class Copy:
    """A copy of the program, which previews the stack of the sandbox."""

    folder: Path
    environment: Mapping[str, str]

    def preview(self, change: str = NO_CHANGE, more: str = "") -> tuple[int, str]:
        """The exit code of a preview of the program with a change, and all that it wrote, on one line."""
        program = BROKEN.format(change=textwrap.indent(textwrap.dedent(change), "    "), more=more)
        (self.folder / "__main__.py").write_text(program)
        done = subprocess.run(
            ["pulumi", "preview", "--stack", STACK, "--policy-pack", str(PACK), "--non-interactive", "--color=never"],
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.fixture(scope="module")
def copy(deployed: Platform, tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """The program, to be broken."""
    folder = tmp_path_factory.mktemp("program")
    for entry in paths.CHECKOUT.iterdir():
        if entry.name in NOT_THE_PROGRAM or entry.name.startswith("."):
            continue
        if entry.is_dir():
            shutil.copytree(entry, folder / entry.name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(entry, folder)
    (folder / ".venv").symlink_to(paths.CHECKOUT / ".venv")
    (folder / "__main__.py").rename(folder / "original.py")
    return Copy(folder, deployed.cluster.environment)


def test_the_stack_as_it_is_passes(copy: Copy) -> None:
    code, text = copy.preview()
    assert code == 0, text
    assert "security@v" in text, "the pack did not run"
    assert "mandatory" not in text


@pytest.mark.parametrize(
    ("policy", "change", "said"),
    [
        ("k8s-container-image-digest", container('container["image"] = "nginx:1.29"'), "image is 'nginx:1.29'"),
        (
            "k8s-pod-isolation",
            container('container["securityContext"]["privileged"] = True'),
            "securityContext.privileged is True",
        ),
        ("k8s-limits-and-probes", container('del container["resources"]["limits"]'), "limits.memory is absent"),
        ("k8s-limits-and-probes", container('del container["readinessProbe"]'), "readinessProbe is absent"),
        (
            "k8s-no-secret-in-env",
            container('container["env"] = [{"name": "PASSWORD", "value": "hunter2"}]'),
            "env[0].value has the name of a credential",
        ),
        ("k8s-namespace-default-deny", OPENED, "has no NetworkPolicy that denies all"),
        ("k8s-namespace-default-deny", UNLABELLED, "pod-security.kubernetes.io/enforce is absent"),
    ],
)
def test_one_broken_property_is_refused_by_name(copy: Copy, policy: str, change: str, said: str) -> None:
    refused(copy.preview(change), policy, said)


def test_a_wildcard_is_refused_by_name(copy: Copy) -> None:
    refused(copy.preview(more=WILDCARD), "k8s-rbac-no-wildcard", "rules[0].verbs[0] is '*'")


def refused(result: tuple[int, str], policy: str, said: str) -> None:
    """A preview failed, by this policy and for this reason."""
    code, text = result
    assert code != 0, text
    assert "[mandatory]" in text
    assert policy in text
    assert said in text
