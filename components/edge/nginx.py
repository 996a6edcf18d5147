"""The edge: NGINX with TLS, the only part that the outside reaches."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes import core, meta, networking
from pulumi_kubernetes.core.v1 import ConfigMapVolumeSourceArgs, SecretVolumeSourceArgs, VolumeArgs
from pulumi_kubernetes.networking.v1 import (
    NetworkPolicyIngressRuleArgs,
    NetworkPolicyPortArgs,
    NetworkPolicySpecArgs,
)

from components.edge import config
from components.endpoint import Endpoint, permit
from components.images import ImageSource, build
from components.labels import content_name, labels, selector
from components.workload import Mount, Port, Workload, WorkloadArgs

VERSION = "1.22"
"""Of NGINX in Debian 12, for the image's tag."""


@dataclass(frozen=True, kw_only=True)
class EdgeArgs:
    """What the edge needs."""

    namespace: pulumi.Input[str]
    images: ImageSource
    servers: Mapping[str, Endpoint]
    """id -> the MCP server that `/mcp/<id>` leads to."""
    certificate: str
    """PEM."""
    key: pulumi.Input[str]
    """PEM of its private key; a secret."""
    replicas: int


class Edge(pulumi.ComponentResource):
    """`code:edge:Edge`: NGINX behind a Service of type LoadBalancer.

    Children: its image, a ConfigMap (nginx.conf), a Secret (certificate and key), a Workload on 443 and 80, the
    NetworkPolicy that lets the outside in, and both halves of the way to each server.

    Args:
        name: Resource name and Service name.
        args: Which servers it leads to, and with what certificate.

    Outputs:
        service: Name of its Service, known once it has an address.
    """

    service: pulumi.Output[str]

    def __init__(self, name: str, args: EdgeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("code:edge:Edge", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)

        def named(own: pulumi.Input[str]) -> meta.v1.ObjectMetaArgs:
            return meta.v1.ObjectMetaArgs(name=own, namespace=args.namespace, labels=labels(name, "edge"))

        text = _configuration(args.servers)
        configuration = core.v1.ConfigMap(
            f"{name}-config",
            metadata=named(text.apply(lambda known: content_name(f"{name}-config", known))),
            immutable=True,
            data={"nginx.conf": text},
            opts=child,
        )
        certificate = core.v1.Secret(
            f"{name}-tls",
            # Named by the certificate, which is public; a new key comes with a new one.
            metadata=named(content_name(f"{name}-tls", args.certificate)),
            immutable=True,
            type="kubernetes.io/tls",
            string_data={"tls.crt": args.certificate, "tls.key": args.key},
            opts=child,
        )
        networking.v1.NetworkPolicy(
            f"{name}-from-outside",
            metadata=named(f"{name}-from-outside"),
            spec=NetworkPolicySpecArgs(
                pod_selector=meta.v1.LabelSelectorArgs(match_labels=selector(name)),
                policy_types=["Ingress"],
                ingress=[
                    NetworkPolicyIngressRuleArgs(
                        ports=[
                            NetworkPolicyPortArgs(port=port, protocol="TCP")
                            for port in (config.HTTPS_PORT, config.HTTP_PORT)
                        ]
                    )
                ],
            ),
            opts=child,
        )
        for endpoint in args.servers.values():
            permit(name, args.namespace, endpoint, self)
        workload = Workload(
            name,
            WorkloadArgs(
                namespace=args.namespace,
                component="edge",
                image=build(name, args.images, context="edge", base="debian", tag=VERSION, opts=child),
                command=["nginx", "-e", "stderr", "-c", config.FILE, "-g", "daemon off;"],
                ports=[
                    Port(name="https", port=443, target=config.HTTPS_PORT),
                    Port(name="http", port=80, target=config.HTTP_PORT),
                ],
                health_port=config.HEALTH_PORT,
                health_path="/healthz",
                requests={"cpu": "50m", "memory": "64Mi"},
                limits={"cpu": "500m", "memory": "256Mi"},
                zone="edge",
                replicas=args.replicas,
                service_type="LoadBalancer",
                mounts=_mounts(configuration, certificate),
            ),
            opts=child,
        )
        self.service = workload.service.metadata.name
        self.register_outputs({"service": self.service})


def _configuration(servers: Mapping[str, Endpoint]) -> pulumi.Output[str]:
    urls = {
        id: pulumi.Output.format("http://{0}{1}", endpoint.authority, endpoint.path) for id, endpoint in servers.items()
    }
    return pulumi.Output.all(**urls).apply(config.nginx_conf)


def _mounts(configuration: core.v1.ConfigMap, certificate: core.v1.Secret) -> list[Mount]:
    return [
        Mount(
            path=config.DIR,
            volume=VolumeArgs(name="config", config_map=ConfigMapVolumeSourceArgs(name=configuration.metadata.name)),
        ),
        Mount(
            path=config.TLS_DIR,
            volume=VolumeArgs(name="tls", secret=SecretVolumeSourceArgs(secret_name=certificate.metadata.name)),
        ),
    ]
