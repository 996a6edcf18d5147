"""The images of the add-ons' pods: one static program each, on nothing, under the names that upstream gives them."""

from dataclasses import dataclass
from pathlib import Path
from shutil import copy2

from sandbox.cluster.addons.binaries import Binaries
from sandbox.images import layers, oci
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
        coredns=_image("registry.k8s.io/coredns/coredns", "v1.15.0", binaries.coredns, unprivileged),
        local_path_provisioner=_image(
            "docker.io/rancher/local-path-provisioner", "v0.0.30", binaries.local_path_provisioner, unprivileged
        ),
        # It makes folders for root, and removes what others have left in them.
        volume_helper=_image("docker.io/code-sandbox/volume-helper", "v1", binaries.volume_helper, "0:0"),
    )


def _image(name: str, tag: str, program: Path, user: str) -> Image:
    def pack(scratch: Path) -> Path:
        tree = scratch / "tree"
        tree.mkdir()
        copy2(program, tree / program.name)
        return layers.pack(tree)

    # The folder's name has the hash of all that the program was built from.
    layer = layers.cached(program.name, [Path(__file__)], [program.parent.name], pack)
    return oci.write(name, tag, oci.Content(layers=[layer], environment={}, command=[f"/{program.name}"], user=user))


def reference(image: Image) -> str:
    """How a pod names the image: by digest, so that a rebuilt one is a change of the pod."""
    return f"{image.name}:{image.tag}@{image.digest}"
