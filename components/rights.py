"""Rights on the Kubernetes API: a Role, or ClusterRole, of exactly what a controller declared."""

from collections.abc import Sequence

import pulumi
from pulumi_kubernetes import core, meta, rbac

from components.base import labels
from components.connections import Consumer
from components.endpoint import ApiRule

_GROUP = "rbac.authorization.k8s.io"


def grant(consumer: Consumer, account: core.v1.ServiceAccount, rules: Sequence[ApiRule]) -> list[pulumi.Resource]:
    """Give an account its rights; returns the bindings. No rules: none, and nothing is made."""
    by_namespace: dict[str, list[ApiRule]] = {}
    for rule in rules:
        by_namespace.setdefault(rule.namespace, []).append(rule)
    return [_bind(consumer, account, where, own) for where, own in sorted(by_namespace.items())]


def _bind(consumer: Consumer, account: core.v1.ServiceAccount, where: str, rules: Sequence[ApiRule]) -> pulumi.Resource:
    child = pulumi.ResourceOptions(parent=consumer.parent)
    own = labels(consumer.name, "permission")
    subject = rbac.v1.SubjectArgs(kind="ServiceAccount", name=account.metadata.name, namespace=consumer.tier.namespace)
    granted = [
        rbac.v1.PolicyRuleArgs(
            verbs=list(rule.verbs),
            api_groups=list(rule.groups),
            resources=list(rule.resources),
            resource_names=list(rule.names) or None,
        )
        for rule in rules
    ]
    if where == ApiRule.CLUSTER:
        # A ClusterRole has no namespace: its name says whose it is.
        metadata = meta.v1.ObjectMetaArgs(name=f"{consumer.tier.name}:{consumer.name}", labels=own)
        role = rbac.v1.ClusterRole(f"{consumer.name}-cluster-role", metadata=metadata, rules=granted, opts=child)
        return rbac.v1.ClusterRoleBinding(
            f"{consumer.name}-cluster-binding",
            metadata=metadata,
            role_ref=rbac.v1.RoleRefArgs(api_group=_GROUP, kind="ClusterRole", name=role.metadata.name),
            subjects=[subject],
            opts=child,
        )
    # In its own namespace by its name, in another's by both.
    suffix = f"-{where}" if where else ""
    metadata = meta.v1.ObjectMetaArgs(
        name=f"{consumer.tier.name}:{consumer.name}" if where else consumer.name,
        namespace=where or consumer.tier.namespace,
        labels=own,
    )
    role = rbac.v1.Role(f"{consumer.name}{suffix}-role", metadata=metadata, rules=granted, opts=child)
    return rbac.v1.RoleBinding(
        f"{consumer.name}{suffix}-binding",
        metadata=metadata,
        role_ref=rbac.v1.RoleRefArgs(api_group=_GROUP, kind="Role", name=role.metadata.name),
        subjects=[subject],
        opts=child,
    )
