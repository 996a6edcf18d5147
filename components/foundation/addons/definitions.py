"""The kinds that an add-on brings: its CustomResourceDefinitions, which `make vendor` takes from its pinned module."""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_kubernetes import apiextensions, meta

from catalog import crds
from components.base import labels


def define(addon: str, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
    """Make an add-on's CustomResourceDefinitions.

    Errors:
        catalog.crds.CrdError: they are not vendored, or not what was pinned.
    """
    return [_definition(crd["metadata"], crd["spec"], addon, opts) for crd in crds.load(addon)]


def _definition(
    metadata: Mapping[str, Any],
    spec: Any,  # noqa: ANN401 (a schema of schemas: any JSON)
    addon: str,
    opts: pulumi.ResourceOptions,
) -> pulumi.Resource:
    named = meta.v1.ObjectMetaArgs(
        name=metadata["name"], annotations=metadata.get("annotations"), labels=labels(addon, "definition")
    )
    return apiextensions.v1.CustomResourceDefinition(metadata["name"], metadata=named, spec=spec, opts=opts)
