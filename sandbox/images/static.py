"""Images that hold one static program and nothing else, as upstreams publish their Go programs."""

from pathlib import Path, PurePosixPath
from shutil import copy2

from sandbox.images import layers, oci
from sandbox.images.oci import Image


def image(name: str, tag: str, program: Path, *, user: str, place: str | None = None) -> Image:
    """Pack a program that sandbox.gobuild built; one that was packed before costs nothing. Needs no node.

    Args:
        name: full name with registry.
        tag: of the image.
        program: the binary, in the folder that gobuild named by the hash of all it was built from.
        user: `uid:gid` that it runs as unless told otherwise.
        place: absolute path of the program in the image, its entrypoint; `/<program's name>` if not given.
    """
    inside = PurePosixPath(place or f"/{program.name}")

    def pack(scratch: Path) -> Path:
        target = scratch / "tree" / inside.relative_to("/")
        target.parent.mkdir(parents=True)
        copy2(program, target)
        return layers.pack(scratch / "tree")

    layer = layers.cached(program.name, [Path(__file__)], [program.parent.name, str(inside)], pack)
    content = oci.Content(layers=[layer], environment={}, entrypoint=[str(inside)], user=user)
    return oci.write(name, tag, content)
