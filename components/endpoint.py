"""An endpoint is a permission: who is handed one may talk to it, and nobody else."""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes import meta, networking
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicyEgressRuleArgs,
    NetworkPolicyIngressRuleArgs,
    NetworkPolicyPeerArgs,
    NetworkPolicyPortArgs,
    NetworkPolicySpecArgs,
)

from components.labels import labels, selector


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An address that a workload offers inside the cluster."""

    name: str
    """Of the workload that offers it."""
    namespace: pulumi.Output[str]
    port: int
    """Of its Service."""
    target_port: int
    """Of its pods: what a NetworkPolicy sees."""
    path: str
    service: pulumi.Output[str]
    """Name of its Service, known once the workload is ready: to use it is to wait for it."""

    @property
    def authority(self) -> pulumi.Output[str]:
        """host:port, as a pod in any namespace reaches it."""
        return pulumi.Output.format("{0}.{1}.svc.cluster.local:{2}", self.service, self.namespace, self.port)


def permit(consumer: str, namespace: pulumi.Input[str], endpoint: Endpoint, parent: pulumi.Resource) -> None:
    """Open the way from the pods of `consumer` to an endpoint: both halves, the leaving and the entering one."""
    leaving, entering = f"{consumer}-to-{endpoint.name}", f"{endpoint.name}-from-{consumer}"
    ports = [NetworkPolicyPortArgs(port=endpoint.target_port, protocol="TCP")]
    child = pulumi.ResourceOptions(parent=parent)
    networking.v1.NetworkPolicy(
        leaving,
        metadata=meta.v1.ObjectMetaArgs(name=leaving, namespace=namespace, labels=labels(consumer, "permission")),
        spec=NetworkPolicySpecArgs(
            pod_selector=meta.v1.LabelSelectorArgs(match_labels=selector(consumer)),
            policy_types=["Egress"],
            egress=[
                NetworkPolicyEgressRuleArgs(to=[_pods(endpoint.name, endpoint.namespace)], ports=ports),
            ],
        ),
        opts=child,
    )
    networking.v1.NetworkPolicy(
        entering,
        metadata=meta.v1.ObjectMetaArgs(
            name=entering, namespace=endpoint.namespace, labels=labels(endpoint.name, "permission")
        ),
        spec=NetworkPolicySpecArgs(
            pod_selector=meta.v1.LabelSelectorArgs(match_labels=selector(endpoint.name)),
            policy_types=["Ingress"],
            ingress=[
                NetworkPolicyIngressRuleArgs(from_=[_pods(consumer, namespace)], ports=ports),
            ],
        ),
        opts=child,
    )


def _pods(name: str, namespace: pulumi.Input[str]) -> NetworkPolicyPeerArgs:
    return NetworkPolicyPeerArgs(
        namespace_selector=meta.v1.LabelSelectorArgs(match_labels={"kubernetes.io/metadata.name": namespace}),
        pod_selector=meta.v1.LabelSelectorArgs(match_labels=selector(name)),
    )
