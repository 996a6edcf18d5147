"""The images of the add-ons' pods: one static program each, on nothing, under the names that upstream gives them."""

from dataclasses import dataclass

from sandbox.cluster.addons.binaries import Binaries
from sandbox.images import static
from sandbox.images.oci import Image


@dataclass(frozen=True, kw_only=True)
class Images:
    """The images in the store of sandbox.images, not yet pushed."""

    coredns: Image
    local_path_provisioner: Image
    volume_helper: Image


def make(binaries: Binaries) -> Images:
    """Pack the programs; a program that was packed before costs nothing. Needs no node."""
    unprivileged = "65532:65532"
    return Images(
        coredns=static.image("registry.k8s.io/coredns/coredns", "v1.15.0", binaries.coredns, user=unprivileged),
        local_path_provisioner=static.image(
            "docker.io/rancher/local-path-provisioner", "v0.0.30", binaries.local_path_provisioner, user=unprivileged
        ),
        # It makes folders for root, and removes what others have left in them.
        volume_helper=static.image("docker.io/code-sandbox/volume-helper", "v1", binaries.volume_helper, user="0:0"),
    )


def reference(image: Image) -> str:
    """How a pod names the image: by digest, so that a rebuilt one is a change of the pod."""
    return f"{image.name}:{image.tag}@{image.digest}"
