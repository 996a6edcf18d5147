"""What a workload offers: a Service for each endpoint, and the ports that its pods listen on."""

from collections.abc import Collection, Sequence

import pulumi
from pulumi_kubernetes import core, meta
from pulumi_kubernetes.core.v1 import ServicePortArgs, ServiceSpecArgs

from components.base import labels
from components.endpoint import Endpoint, Pods, Via
from components.pod import ContainerPort


def make_services(
    offers: Sequence[Endpoint], peers: Collection[str], component: str, opts: pulumi.ResourceOptions
) -> list[core.v1.Service]:
    """A Service for each endpoint that is found by one; `peers` are those that the workload itself connects to."""
    return [
        _service(endpoint, endpoint.at, endpoint.name in peers, component, opts)
        for endpoint in offers
        if isinstance(endpoint.at, Pods) and endpoint.at.via is not Via.HOST_PORT
    ]


def container_ports(offers: Sequence[Endpoint]) -> list[ContainerPort]:
    """Each port that pods listen on, once, however many endpoints lead to it; the node's too where one says so."""
    found: dict[tuple[int, str], ContainerPort] = {}
    for endpoint in offers:
        on_host = isinstance(endpoint.at, Pods) and endpoint.at.via is Via.HOST_PORT
        for port in endpoint.ports:
            key = (port.target, port.protocol)
            if on_host or key not in found:
                found[key] = ContainerPort(
                    number=port.target, protocol=port.protocol, host=port.port if on_host else None
                )
    return list(found.values())


def _service(
    endpoint: Endpoint, at: Pods, among_peers: bool, component: str, opts: pulumi.ResourceOptions
) -> core.v1.Service:
    headless = at.via is Via.HEADLESS
    return core.v1.Service(
        f"{endpoint.name}-service",
        metadata=meta.v1.ObjectMetaArgs(
            name=endpoint.name, namespace=at.tier.namespace, labels=labels(at.workload, component)
        ),
        spec=ServiceSpecArgs(
            type="LoadBalancer" if at.via is Via.LOAD_BALANCER else "ClusterIP",
            cluster_ip="None" if headless else None,
            # Peers find each other before they are ready; others shall not find who is not.
            publish_not_ready_addresses=True if headless and among_peers else None,
            selector=at.selector,
            ports=[
                ServicePortArgs(
                    name=port.name,
                    port=port.target if headless else port.port,
                    target_port=port.target,
                    protocol=port.protocol,
                )
                for port in endpoint.ports
            ],
        ),
        opts=opts,
    )
