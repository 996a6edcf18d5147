"""The kinds that an add-on brings: its CustomResourceDefinitions, which `make vendor` takes from its pinned module."""

import pulumi
from pulumi_kubernetes import apiextensions

from catalog import crds


def define(addon: str, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
    """Make an add-on's CustomResourceDefinitions.

    Errors:
        catalog.crds.CrdError: they are not vendored, or not what was pinned.
    """
    return [
        apiextensions.v1.CustomResourceDefinition(
            crd["metadata"]["name"], metadata=crd["metadata"], spec=crd["spec"], opts=opts
        )
        for crd in crds.load(addon)
    ]
