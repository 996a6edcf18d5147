"""What a workload offers: a Service for each endpoint, and the ports that its pods listen on."""

from collections.abc import Sequence
from itertools import chain

import pulumi
from pulumi_kubernetes import core, meta
from pulumi_kubernetes.core.v1 import ServicePortArgs, ServiceSpecArgs

from components.base import labels
from components.endpoint import Endpoint, Pods, Port, Via


def make_services(offers: Sequence[Endpoint], component: str, opts: pulumi.ResourceOptions) -> list[core.v1.Service]:
    """A Service for each endpoint that is found by one."""
    return [
        _service(endpoint, endpoint.at, component, opts)
        for endpoint in offers
        if isinstance(endpoint.at, Pods) and endpoint.at.via is not Via.HOST_PORT
    ]


def container_ports(offers: Sequence[Endpoint]) -> list[Port]:
    """Each port that pods listen on, once, however many endpoints lead to it."""
    return list({str(port): port for port in chain.from_iterable(e.ports for e in offers)}.values())


def _service(endpoint: Endpoint, at: Pods, component: str, opts: pulumi.ResourceOptions) -> core.v1.Service:
    headless = at.via is Via.HEADLESS
    return core.v1.Service(
        f"{endpoint.name}-service",
        metadata=meta.v1.ObjectMetaArgs(
            name=endpoint.name, namespace=at.tier.namespace, labels=labels(at.workload, component)
        ),
        spec=ServiceSpecArgs(
            type="LoadBalancer" if at.via is Via.LOAD_BALANCER else "ClusterIP",
            cluster_ip="None" if headless else None,
            publish_not_ready_addresses=headless or None,
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
