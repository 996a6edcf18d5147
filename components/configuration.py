"""Configuration files of a workload: other content is another object, and so a rollout of its pods."""

from collections.abc import Mapping

import pulumi
from pulumi_kubernetes import core, meta

from components.base import content_name, labels
from components.tiers import Tier


def config_files(
    name: str, component: str, tier: Tier, files: Mapping[str, pulumi.Input[str]], opts: pulumi.ResourceOptions
) -> pulumi.Output[str]:
    """An immutable ConfigMap, named by its content.

    Args:
        name: of the workload that reads it.
        component: its role.
        tier: where it runs.
        files: file name -> text. Never a secret.
        opts: the resource's options.

    Returns:
        The ConfigMap's name, for `components.mounts.config_mount`.
    """
    content = pulumi.Output.json_dumps(files, sort_keys=True)
    return core.v1.ConfigMap(
        f"{name}-config",
        metadata=meta.v1.ObjectMetaArgs(
            name=content.apply(lambda known: content_name(f"{name}-config", known)),
            namespace=tier.namespace,
            labels=labels(name, component),
        ),
        immutable=True,
        data=files,
        opts=opts,
    ).metadata.name
