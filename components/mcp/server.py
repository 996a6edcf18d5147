"""One MCP server of the catalogue."""

from dataclasses import dataclass
from typing import ClassVar

import pulumi

from catalog.mcp import Server
from components.base import Component
from components.endpoint import Endpoint, Pods, Port
from components.images import ImageSource, build
from components.pod import Health, Http, Tcp
from components.tiers import Tier
from components.workload import Workload, WorkloadArgs


@dataclass(frozen=True, kw_only=True)
class McpServerArgs:
    """What an MCP server needs."""

    server: Server
    tier: Tier
    images: ImageSource


class McpServer(Component):
    """`code:mcp:McpServer`: a catalogue entry, running.

    Children: its image (docker.Image), and a Workload.

    Args:
        name: Resource name and Service name, say `mcp-time`.
        args: Which server, and where.

    Outputs:
        endpoint: Where it answers MCP over HTTP.
    """

    TYPE: ClassVar[str] = "code:mcp:McpServer"
    endpoint: Endpoint

    def __init__(self, name: str, args: McpServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        server = args.server
        self.endpoint = Endpoint(
            name=name,
            at=Pods(workload=name, tier=args.tier),
            ports=[Port(name="mcp", port=server.port, target=server.port)],
            scheme="http",
            path=server.path,
        )
        image = build(
            name,
            args.images,
            context=f"mcp-{server.runtime}",
            base=server.runtime,
            tag=server.version,
            args={"SERVER": server.id},
            opts=self.child,
        )
        live = Http(port=server.port, path=server.health) if server.health else Tcp(port=server.port)
        Workload(
            name,
            WorkloadArgs(
                tier=args.tier,
                component="mcp-server",
                image=image,
                command=server.serve,
                env=server.env,
                offers=[self.endpoint],
                health=Health(live=live),
                resources=server.resources,
                zone=server.zone,
            ),
            opts=self.child,
        )
        self.register_outputs({})
