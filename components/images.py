"""Images that the platform builds itself, from `images/`, on bases that `catalog/images.yaml` pins."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_docker as docker

from catalog import images as catalogue
from components.base import DeclarationError

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")

CONTEXTS = Path("images")
"""Where the Dockerfiles are, seen from the program's folder, which is where the CLI runs it:
a path of the machine would be part of the state."""


@dataclass(frozen=True, kw_only=True)
class ImageSource:
    """Where images come from and go to."""

    registry: str
    """Where our own are pushed, and pulled by the cluster."""
    lock: Path | None
    """Digests of a registry that serves images of others under other digests than upstream."""

    def upstream(self, key: str) -> str:
        """The reference, by digest, of an image of others: `key` is that of `catalog/images.yaml`."""
        return catalogue.load().reference(key, self.lock)


def by_digest(image: pulumi.Input[str]) -> pulumi.Input[str]:
    """The image, which must be named by digest: at once where it is known, when it is known otherwise.

    Errors:
        DeclarationError: it is not.
    """
    return _by_digest(image) if isinstance(image, str) else pulumi.Output.from_input(image).apply(_by_digest)


def _by_digest(image: str) -> str:
    if not _DIGEST.search(image):
        raise DeclarationError(f"image {image!r}: name it by digest, as ...@sha256:<64 hexadecimal digits>")
    return image


def build(
    name: str,
    source: ImageSource,
    *,
    context: str,
    base: str,
    tag: str,
    args: Mapping[str, str] | None = None,
    opts: pulumi.ResourceOptions | None = None,
) -> pulumi.Output[str]:
    """Build and push one image; returns its reference by digest.

    Args:
        name: The repository's name below the registry, also the resource's.
        source: Where bases come from and the image goes to.
        context: Folder of the Dockerfile below `images/`.
        base: Key of its base in `catalog/images.yaml`, given to the Dockerfile as BASE.
        tag: For people; the cluster pulls by digest.
        args: Further build arguments. They lie in the state: never a secret.
        opts: The resource's options.
    """
    image = docker.Image(
        f"{name}-image",
        image_name=f"{source.registry}/{name}:{tag}",
        build=docker.DockerBuildArgs(
            context=str(CONTEXTS / context),
            dockerfile=str(CONTEXTS / context / "Dockerfile"),
            platform="linux/amd64",
            args={"BASE": source.upstream(base), **(args or {})},
        ),
        opts=opts,
    )
    return image.repo_digest
