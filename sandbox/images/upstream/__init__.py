"""Images that upstreams publish and pods run: rebuilt from the same versions' Go modules, one folder each.

The entrypoint is upstream's, and every flag that the estate uses; the bytes are not. metrics-server is upstream's own
command. cert-manager's is not served as a module: `cert-manager-controller/main.go` runs its controllers instead, and
refuses what it does not have.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from catalog import images as catalogue
from sandbox import gobuild
from sandbox.images import static
from sandbox.images.oci import Image

_HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """How upstream's image is made here."""

    module: str
    """The Go module that holds its program; its version is the image's tag."""
    place: str
    """Where upstream's image has the program: its entrypoint."""
    user: str
    """Whom upstream's image runs it as."""
    stamp: str | None = None
    """The variable that upstream's release writes the version into, if the program cannot tell by itself."""


UPSTREAMS = {
    "cert-manager-controller": Upstream(
        module="github.com/cert-manager/cert-manager", place="/app/cmd/controller/controller", user="65532:65532"
    ),
    "metrics-server": Upstream(
        module="sigs.k8s.io/metrics-server",
        place="/metrics-server",
        user="65534:65534",
        stamp="k8s.io/client-go/pkg/version.gitVersion",
    ),
}
"""By the keys of `catalog/images.yaml`, which are the names of folders here and of the programs built in them."""


def folder(key: str) -> Path:
    """The Go module of ours that builds it."""
    return _HERE / key


def version(key: str) -> str:
    """The version of upstream's module that go.mod names."""
    named = re.search(rf"(?m)^(?:require)?\s+{re.escape(UPSTREAMS[key].module)} (\S+)", _gomod(key))
    if not named:
        raise ValueError(f"{folder(key)}/go.mod does not require {UPSTREAMS[key].module}")
    return named[1]


def image(key: str, served_as: catalogue.Image) -> Image:
    """Build and pack the image, or find it made.

    Args:
        key: in `UPSTREAMS`.
        served_as: the name and tag to serve it by.

    Errors:
        SandboxError: a module is refused or does not compile.
    """
    upstream = UPSTREAMS[key]
    ldflags = "-s -w" + (f" -X {upstream.stamp}={version(key)}" if upstream.stamp else "")
    program = gobuild.build(key, folder(key), ldflags=ldflags) / key
    return static.image(served_as.name, served_as.tag, program, user=upstream.user, place=upstream.place)


def _gomod(key: str) -> str:
    return (folder(key) / "go.mod").read_text(encoding="utf-8")
