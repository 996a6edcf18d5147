"""Images of layers, written as the OCI image specification says: the same layers give the same digest."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.images import layers
from sandbox.images.layers import EPOCH, Layer

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True, kw_only=True)
class Content:
    """What an image holds: its layers, lowest first, and what runs in it unless told otherwise."""

    layers: Sequence[Layer]
    environment: Mapping[str, str]
    entrypoint: Sequence[str] = ()
    """What runs whatever arguments are given."""
    command: Sequence[str] = ()
    """What runs if no arguments are given; those of the entrypoint, if there is one."""
    user: str = ""


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image in the store, under the name that the registry shall serve it by."""

    name: str
    """Full name with registry, as in docker.io/library/debian."""
    tag: str
    digest: str
    """SHA-256 of the manifest."""

    @property
    def repository(self) -> str:
        """Its name in the sandbox's registry, which stands in for every registry: without the registry's own."""
        return self.name.partition("/")[2]


def write(name: str, tag: str, content: Content) -> Image:
    """Write configuration and manifest of an image into the store; costs nothing, so it is done on every run."""
    created = datetime.fromtimestamp(EPOCH, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    runs = {"Entrypoint": list(content.entrypoint), "Cmd": list(content.command)}
    config = _json(
        {
            "created": created,
            "architecture": "amd64",
            "os": "linux",
            "config": {
                "Env": [f"{key}={value}" for key, value in content.environment.items()],
                **{key: argv for key, argv in runs.items() if argv},
                "User": content.user,
            },
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in content.layers]},
            "history": [{"created": created, "created_by": "sandbox/images"} for _ in content.layers],
        }
    )
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": _CONFIG, "digest": layers.add_bytes(config), "size": len(config)},
        "layers": [{"mediaType": _LAYER, "digest": layer.digest, "size": layer.size} for layer in content.layers],
    }
    return Image(name=name, tag=tag, digest=layers.add_bytes(_json(manifest)))


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
