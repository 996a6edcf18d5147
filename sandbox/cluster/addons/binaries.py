"""The add-ons' programs, built from two pinned Go modules."""

from dataclasses import dataclass
from pathlib import Path

from sandbox import gobuild

MODULE = Path(__file__).parent
"""CoreDNS with the plugins a cluster uses, and our own small programs."""

STORAGE_MODULE = MODULE / "local-path"
"""local-path-provisioner. A module of its own: Go refuses to load its github.com/Sirupsen/logrus beside the
github.com/sirupsen/logrus that kube-network-policies needs."""


@dataclass(frozen=True, kw_only=True)
class Binaries:
    """Static executables."""

    coredns: Path
    load_balancer: Path
    local_path_provisioner: Path
    network_policies: Path
    volume_helper: Path


def build() -> Binaries:
    """Build them, or find them built.

    Errors:
        SandboxError: a module is refused or does not compile.
    """
    own = gobuild.build("addons", MODULE)
    storage = gobuild.build("local-path-provisioner", STORAGE_MODULE)
    return Binaries(
        coredns=own / "coredns",
        load_balancer=own / "load-balancer",
        local_path_provisioner=storage / "local-path-provisioner",
        network_policies=own / "network-policies",
        volume_helper=own / "volume-helper",
    )
