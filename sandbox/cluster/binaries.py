"""The Kubernetes binaries, built from the pinned module or from another version of it."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from sandbox import gobuild, paths, progress
from sandbox.errors import SandboxError, last_line

MODULE = Path(__file__).parent / "kubernetes"
"""The Go module whose `tool` lines name the binaries, and whose requirement is the one setting of the version."""

_RELEASE = re.compile(r"v1\.(\d+)\.(\d+)")


def version() -> str:
    """The cluster's version: `KUBERNETES_VERSION` (v1.36.3, say) if set, else the module's.

    Errors:
        SandboxError: it is not a release of Kubernetes 1.
    """
    wanted = os.environ.get("KUBERNETES_VERSION") or pinned()
    if not _RELEASE.fullmatch(wanted):
        raise SandboxError(f"KUBERNETES_VERSION={wanted}: not a release such as {pinned()}")
    return wanted


def pinned() -> str:
    """The version that go.mod requires."""
    (found,) = re.findall(r"^\s*k8s\.io/kubernetes (v\S+)", (MODULE / "go.mod").read_text(), re.MULTILINE)
    return found


def build() -> Path:
    """Build kube-apiserver and its like and kubectl; return their folder. Built once per version.

    Errors:
        SandboxError: the module is refused or does not compile.
    """
    wanted = version()
    minor, _ = _minor_patch(wanted)
    stamp = {
        "k8s.io/component-base/version.gitVersion": wanted,
        "k8s.io/component-base/version.gitMajor": "1",
        "k8s.io/component-base/version.gitMinor": minor,
        "k8s.io/client-go/pkg/version.gitVersion": wanted,
    }
    flags = " ".join(["-s -w", *(f"-X {name}={value}" for name, value in stamp.items())])
    return gobuild.build("kubernetes", _module(wanted), ldflags=flags)


def _module(wanted: str) -> Path:
    """The module at version `wanted`: ours, or a copy in the cache with the version replaced and resolved anew."""
    if wanted == pinned():
        return MODULE
    copy = paths.CACHE / "go-modules" / f"kubernetes-{wanted}"
    if copy.is_dir():
        return copy
    scratch = copy.with_name(f".{copy.name}")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    (scratch / "go.mod").write_text(other_version((MODULE / "go.mod").read_text(), wanted))
    log = paths.BUILD_LOGS / f"go-modules-kubernetes-{wanted}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with progress.step(f"resolve the modules of Kubernetes {wanted}", log), log.open("wb") as out:
        done = subprocess.run(
            ["go", "list", "-C", str(scratch), "-mod=mod", "-deps", "tool"],
            stdout=subprocess.DEVNULL,
            stderr=out,
            check=False,
        )
    if done.returncode:
        last = last_line(log.read_text(errors="replace"))
        raise SandboxError(f"Kubernetes {wanted} cannot be resolved: {last} (log: {log})")
    scratch.rename(copy)
    return copy


def other_version(go_mod: str, wanted: str) -> str:
    """The text of a go.mod for version `wanted`: same tools, the staging modules' versions replaced.

    The other requirements are dropped: they are what the pinned version needs, and Go finds the other's by itself.
    """
    minor, patch = _minor_patch(wanted)
    (tools,) = re.findall(r"^tool \(\n.*?^\)\n", go_mod, re.MULTILINE | re.DOTALL)
    (replaced,) = re.findall(r"^replace \(\n.*?^\)\n", go_mod, re.MULTILINE | re.DOTALL)
    (head,) = re.findall(r"\A.*?^go \S+\n", go_mod, re.MULTILINE | re.DOTALL)
    replaced = re.sub(r"=> (k8s\.io/\S+) v0\.\d+\.\d+", rf"=> \1 v0.{minor}.{patch}", replaced)
    return f"{head}\n{tools}\nrequire k8s.io/kubernetes {wanted}\n\n{replaced}"


def _minor_patch(release: str) -> tuple[str, str]:
    match = _RELEASE.fullmatch(release)
    if not match:
        raise ValueError(f"not a Kubernetes release: {release}")
    return match[1], match[2]
