"""Images under their upstream names, made on this machine, since no registry of images can be reached.

Bases (`_RECIPES`) carry the machine's registry settings, for what is built on them. What is only run (`upstream`, the
pause image) is one static program without them.

`make()` needs no node; `publish()` brings what it made into a running one. The images are written without a container
engine, and their digests stay the same as long as their layers in the cache do: a second run makes and pushes nothing.

The sandbox's registry stands in for every registry: it serves docker.io/library/debian as library/debian and
registry.k8s.io/pause as pause.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from catalog import images as catalogue
from sandbox import paths, progress
from sandbox.errors import SandboxError, last_line
from sandbox.images import debian, golang, host, layers, node, oci, pause, python, static, upstream
from sandbox.images.layers import Layer
from sandbox.images.oci import Content, Image

DEBIAN_PACKAGES = ("mmdebstrap", "binutils", "ca-certificates")
"""What `make` needs of Debian, beside apt."""

LOCK = paths.STATE / "image-lock.json"
"""Name and tag of every image that the sandbox serves -> the digest it serves (setting `image_lock`)."""

PAUSE = ("registry.k8s.io/pause", "3.10")
"""Name and tag of the image that containerd runs in every pod."""


@dataclass(frozen=True)
class _Recipe:
    """How a base is made: what runs in it, its layers above Debian and the machine's settings, its own variables."""

    command: str
    layers: Sequence[Callable[[], Layer]] = ()
    environment: Callable[[], Mapping[str, str]] = dict[str, str]


_RECIPES = {
    "debian": _Recipe("bash"),
    "golang": _Recipe("bash", [golang.layer], golang.environment),
    "node": _Recipe("node", [node.layer]),
    "python": _Recipe("python3", [python.layer]),
}
"""By the keys of `catalog/images.yaml`."""

_PATH = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


def make() -> list[Image]:
    """Fill the cache with the images of `catalog/images.yaml` and the pause image; nothing is running afterwards.

    Errors:
        SandboxError: a program is missing, a registry refuses a package, a command fails (its log is named), or the
            catalogue is wrong or names an image that no recipe here makes.
    """
    try:
        wanted = catalogue.load().images
    except catalogue.ImageError as error:
        raise SandboxError(str(error)) from error
    for key in wanted.keys() - _RECIPES.keys() - upstream.UPSTREAMS.keys():
        raise SandboxError(f"catalog/images.yaml names {key}, which sandbox/images has no recipe for")
    settings = host.read()
    with ThreadPoolExecutor() as pool:
        bottom, sleeper = pool.submit(debian.layer), pool.submit(pause.program)
        tops = {key: [pool.submit(make) for make in recipe.layers] for key, recipe in _RECIPES.items() if key in wanted}
        rebuilt = [pool.submit(upstream.image, key, wanted[key]) for key in upstream.UPSTREAMS if key in wanted]
        base = [bottom.result(), settings.layer()]
        own = {key: [layer.result() for layer in made] for key, made in tops.items()}
        programs = [made.result() for made in rebuilt]
    environment = {**_PATH, **host.ENVIRONMENT}
    return [
        *(
            oci.write(
                wanted[key].name,
                wanted[key].tag,
                Content(
                    layers=[*base, *above],
                    environment={**environment, **_RECIPES[key].environment()},
                    command=[_RECIPES[key].command],
                ),
            )
            for key, above in own.items()
        ),
        *programs,
        static.image(*PAUSE, sleeper.result(), user="65535:65535"),
    ]


def publish(images: Sequence[Image], enter: Sequence[str], registry: str, lock: Path = LOCK) -> None:
    """Push the images, then write the lock: it never names what is not served.

    Args:
        images: what `make` returned.
        enter: command prefix that runs a program in the network namespace of the registry; empty for this one.
        registry: host and port of the registry there.
        lock: where the lock goes.

    Errors:
        SandboxError: the registry cannot be reached or refuses an image.
    """
    with progress.step("push the base images to the sandbox's registry"):
        push_all(images, enter, registry)
    served = {f"{image.name}:{image.tag}": image.digest for image in images}
    layers.write(lock, (json.dumps(served, indent=2) + "\n").encode())


def push_all(images: Sequence[Image], enter: Sequence[str], registry: str) -> None:
    """Push what the registry does not have yet of images that are in the store.

    Errors:
        SandboxError: the registry cannot be reached or refuses an image.
    """
    references = [f"{image.repository}:{image.tag}@{image.digest}" for image in images]
    done = subprocess.run(
        [*enter, sys.executable, "-m", "sandbox.images.push", registry, *references],
        cwd=paths.CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = last_line(done.stderr)
        raise SandboxError(f"pushing {', '.join(image.name for image in images)} failed: {last}")
