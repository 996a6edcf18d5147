"""The edge: NGINX with TLS, the only part that the outside reaches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pulumi

from catalog import services
from components.address import address
from components.base import Component
from components.configuration import config_files
from components.edge import config
from components.endpoint import Endpoint, Pods, Port, Via
from components.foundation.addons.authority import Authority
from components.images import ImageSource, build
from components.kinds import Deployment
from components.mounts import config_mount, secret_mount
from components.pod import Health, Http
from components.tiers import Tier
from components.workload import Workload, WorkloadArgs

VERSION = "1.22"
"""Of NGINX in Debian 12, for the image's tag."""


@dataclass(frozen=True, kw_only=True)
class EdgeArgs:
    """What the edge needs."""

    tier: Tier
    images: ImageSource
    gateway: Endpoint
    """Where `/mcp/` leads to."""
    authority: Authority
    domains: Sequence[str]
    """Names that clients call; the first is that of `url`."""
    replicas: int


class Edge(Component):
    """`code:edge:Edge`: NGINX behind a Service of type LoadBalancer.

    Children: its image, its Certificate, a ConfigMap (nginx.conf), a Workload that the internet enters on 443 and 80.

    Args:
        name: Resource name and Service name.
        args: Where it leads to, and for which names.

    Outputs:
        url: Where it is called.
    """

    TYPE: ClassVar[str] = "code:edge:Edge"
    url: str

    def __init__(self, name: str, args: EdgeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        service = services.load().service("edge")
        certificate = args.authority.certificate(f"{name}-tls", args.tier.namespace, args.domains, self)
        text = address(args.gateway).authority.apply(config.nginx_conf)
        configuration = config_files(name, "edge", args.tier, {"nginx.conf": text}, self.child)
        public = Endpoint(
            name=name,
            at=Pods(workload=name, tier=args.tier, via=Via.LOAD_BALANCER),
            ports=[
                Port(name="https", port=443, target=config.HTTPS_PORT),
                Port(name="http", port=80, target=config.HTTP_PORT),
            ],
        )
        Workload(
            name,
            WorkloadArgs(
                tier=args.tier,
                component="edge",
                kind=Deployment(replicas=args.replicas),
                image=build(name, args.images, context="edge", base="debian", tag=VERSION, opts=self.child),
                command=["nginx", "-e", "stderr", "-c", config.FILE, "-g", "daemon off;"],
                offers=[public],
                connects=[args.gateway],
                health=Health(live=Http(port=config.HEALTH_PORT, path="/healthz")),
                resources=service.resources,
                zone=service.zone,
                mounts=[
                    config_mount(config.DIR, configuration),
                    secret_mount("tls", config.TLS_DIR, certificate),
                ],
            ),
            opts=self.child,
        )
        self.url = f"https://{args.domains[0]}"
        self.register_outputs({"url": self.url})
