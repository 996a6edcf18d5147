"""The gateway: HAProxy between edge and servers. Today it passes requests through; authentication comes here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pulumi

from catalog import services
from components.address import address
from components.base import Component
from components.configuration import config_files
from components.endpoint import Endpoint, Pods, Port
from components.gateway import config
from components.images import ImageSource, build
from components.kinds import Deployment
from components.mounts import config_mount
from components.pod import Health, Http
from components.tiers import Tier
from components.workload import Workload, WorkloadArgs

VERSION = "2.6"
"""Of HAProxy in Debian 12, for the image's tag."""


@dataclass(frozen=True, kw_only=True)
class GatewayArgs:
    """What the gateway needs."""

    tier: Tier
    images: ImageSource
    servers: Mapping[str, Endpoint]
    """id -> the MCP server that `/mcp/<id>` leads to."""
    replicas: int


class Gateway(Component):
    """`code:gateway:Gateway`: HAProxy in front of the MCP servers.

    Children: its image, a ConfigMap (haproxy.cfg), a Workload.

    Args:
        name: Resource name and Service name.
        args: Which servers it leads to.

    Outputs:
        endpoint: Where it takes `/mcp/<id>`.
    """

    TYPE: ClassVar[str] = "code:gateway:Gateway"
    endpoint: Endpoint

    def __init__(self, name: str, args: GatewayArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        service = services.load().service("gateway")
        text = _configuration(args.servers)
        configuration = config_files(name, "gateway", args.tier, {"haproxy.cfg": text}, self.child)
        self.endpoint = Endpoint(
            name=name,
            at=Pods(workload=name, tier=args.tier),
            ports=[Port(name="http", port=config.PORT, target=config.PORT)],
            scheme="http",
        )
        Workload(
            name,
            WorkloadArgs(
                tier=args.tier,
                component="gateway",
                kind=Deployment(replicas=args.replicas),
                image=build(name, args.images, context="haproxy", base="debian", tag=VERSION, opts=self.child),
                command=["haproxy", "-W", "-db", "-f", config.FILE],
                offers=[self.endpoint],
                connects=list(args.servers.values()),
                health=Health(live=Http(port=config.HEALTH_PORT, path="/healthz")),
                resources=service.resources,
                zone=service.zone,
                mounts=[config_mount(config.DIR, configuration)],
            ),
            opts=self.child,
        )
        self.register_outputs({})


def _configuration(servers: Mapping[str, Endpoint]) -> pulumi.Output[str]:
    paths = {id: endpoint.path for id, endpoint in servers.items()}

    def written(authorities: Mapping[str, str]) -> str:
        backends = {id: config.Backend(authority=known, path=paths[id]) for id, known in authorities.items()}
        return config.haproxy_cfg(backends)

    return pulumi.Output.all(**{id: address(endpoint).authority for id, endpoint in servers.items()}).apply(written)
