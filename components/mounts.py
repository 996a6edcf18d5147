"""Volumes of a pod: configuration, secrets, scratch space, what another workload claimed."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import (
    ConfigMapVolumeSourceArgs,
    EmptyDirVolumeSourceArgs,
    KeyToPathArgs,
    PersistentVolumeClaimVolumeSourceArgs,
    SecretVolumeSourceArgs,
    VolumeArgs,
)


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A volume and the folder it is seen at."""

    path: str
    volume: VolumeArgs
    read_only: bool = True


def config_mount(
    path: str, config_map: pulumi.Input[str], name: str = "config", files: Mapping[str, str] | None = None
) -> Mount:
    """The files of a ConfigMap.

    Args:
        path: the folder.
        config_map: the ConfigMap's name.
        name: of the volume, which tells several apart.
        files: key -> path below the folder, where they are not the keys.
    """
    source = ConfigMapVolumeSourceArgs(name=config_map, items=_items(files))
    return Mount(path=path, volume=VolumeArgs(name=name, config_map=source))


def scratch_mount(path: str, size: str, name: str) -> Mount:
    """An empty writable folder of the pod's own; it is gone with the pod."""
    return Mount(
        path=path, volume=VolumeArgs(name=name, empty_dir=EmptyDirVolumeSourceArgs(size_limit=size)), read_only=False
    )


def claim_mount(path: str, claim: pulumi.Input[str], name: str) -> Mount:
    """A volume that another workload claimed, to be read."""
    source = PersistentVolumeClaimVolumeSourceArgs(claim_name=claim)
    return Mount(path=path, volume=VolumeArgs(name=name, persistent_volume_claim=source))


def secret_mount(name: str, path: str, secret: pulumi.Input[str], files: Mapping[str, str] | None = None) -> Mount:
    """The files of a Secret, readable by the container's group alone; a Secret that changes in place is seen there.

    Args:
        name: of the volume.
        path: the folder.
        secret: the Secret's name.
        files: key -> file, where not all are wanted, or not by their keys.
    """
    source = SecretVolumeSourceArgs(secret_name=secret, default_mode=0o440, items=_items(files))
    return Mount(path=path, volume=VolumeArgs(name=name, secret=source))


def _items(files: Mapping[str, str] | None) -> list[KeyToPathArgs] | None:
    return [KeyToPathArgs(key=key, path=file) for key, file in files.items()] if files else None
