"""A network tier: in a cluster, a namespace that nothing enters or leaves unless an endpoint says so."""

from collections.abc import Sequence

import pulumi
from pulumi_kubernetes import core, meta, networking
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicyEgressRuleArgs,
    NetworkPolicyPeerArgs,
    NetworkPolicyPortArgs,
    NetworkPolicySpecArgs,
)

from components.labels import labels

DNS = NetworkPolicyPeerArgs(
    namespace_selector=meta.v1.LabelSelectorArgs(match_labels={"kubernetes.io/metadata.name": "kube-system"}),
    pod_selector=meta.v1.LabelSelectorArgs(match_labels={"k8s-app": "kube-dns"}),
)
"""The cluster's name service, where every cluster has it."""


class Tier(pulumi.ComponentResource):
    """`code:foundation:Tier`: one closed namespace.

    Children: the Namespace (restricted Pod Security, enforced), a NetworkPolicy that closes it in both directions,
    and one that lets its pods ask the cluster's name service.

    Args:
        name: The tier's name, which is also the namespace's.

    Outputs:
        namespace: Name of the namespace, known once it is closed.
    """

    namespace: pulumi.Output[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("code:foundation:Tier", name, {}, opts)
        namespace = core.v1.Namespace(
            f"{name}-namespace",
            metadata=meta.v1.ObjectMetaArgs(
                name=name,
                labels={
                    **labels(name, "tier"),
                    "pod-security.kubernetes.io/enforce": "restricted",
                    "pod-security.kubernetes.io/enforce-version": "latest",
                },
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        closed = networking.v1.NetworkPolicy(
            f"{name}-closed",
            metadata=_inside(namespace, "closed"),
            spec=NetworkPolicySpecArgs(pod_selector=meta.v1.LabelSelectorArgs(), policy_types=["Ingress", "Egress"]),
            opts=pulumi.ResourceOptions(parent=self),
        )
        networking.v1.NetworkPolicy(
            f"{name}-dns",
            metadata=_inside(namespace, "dns"),
            spec=NetworkPolicySpecArgs(
                pod_selector=meta.v1.LabelSelectorArgs(),
                policy_types=["Egress"],
                egress=[
                    NetworkPolicyEgressRuleArgs(
                        to=[DNS],
                        ports=[NetworkPolicyPortArgs(port=53, protocol=protocol) for protocol in ("UDP", "TCP")],
                    )
                ],
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        # Whoever is handed the namespace also waits for what closes it: no pod runs in an open tier.
        self.namespace = pulumi.Output.all(namespace.metadata.name, closed.metadata.name).apply(_first)
        self.register_outputs({"namespace": self.namespace})


def _inside(namespace: core.v1.Namespace, name: str) -> meta.v1.ObjectMetaArgs:
    return meta.v1.ObjectMetaArgs(name=name, namespace=namespace.metadata.name, labels=labels(name, "tier"))


def _first(names: Sequence[str]) -> str:
    return names[0]
