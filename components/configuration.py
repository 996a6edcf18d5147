"""Files that a workload is given: configuration and secrets."""

from collections.abc import Mapping

import pulumi
from pulumi_kubernetes import core, meta

from components.base import content_name, labels
from components.tiers import Tier


def config_files(
    name: str, component: str, tier: Tier, files: Mapping[str, pulumi.Input[str]], opts: pulumi.ResourceOptions
) -> pulumi.Output[str]:
    """An immutable ConfigMap, named by its content: other content is another object, and so a rollout of its pods.

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


def secret_files(
    owner: str,
    suffix: str,
    component: str,
    tier: Tier,
    files: pulumi.Input[Mapping[str, pulumi.Input[str]]],
    opts: pulumi.ResourceOptions,
) -> pulumi.Output[str]:
    """A Secret that changes in place: pods that have it mounted see that, and are not rolled out.

    Args:
        owner: what it belongs to; it is named `<owner>-<suffix>`.
        suffix: what it holds.
        component: the owner's role.
        tier: where it is mounted.
        files: file name -> text.
        opts: the resource's options.

    Returns:
        The Secret's name, for `components.mounts.secret_mount`.
    """
    name = f"{owner}-{suffix}"
    return core.v1.Secret(
        name,
        metadata=meta.v1.ObjectMetaArgs(name=name, namespace=tier.namespace, labels=labels(owner, component)),
        string_data=pulumi.Output.secret(pulumi.Output.from_input(files)),
        opts=opts,
    ).metadata.name
