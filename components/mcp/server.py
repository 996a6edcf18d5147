"""One MCP server of the catalogue."""

from dataclasses import dataclass

import pulumi

from catalog.mcp import Server
from components.endpoint import Endpoint
from components.images import ImageSource, build
from components.workload import Port, Workload, WorkloadArgs


@dataclass(frozen=True, kw_only=True)
class McpServerArgs:
    """What an MCP server needs."""

    server: Server
    namespace: pulumi.Input[str]
    images: ImageSource


class McpServer(pulumi.ComponentResource):
    """`code:mcp:McpServer`: a catalogue entry, running.

    Children: its image (docker.Image), and a Workload.

    Args:
        name: Resource name and Service name, say `mcp-time`.
        args: Which server, and where.

    Outputs:
        endpoint: Where it answers MCP over HTTP.
    """

    endpoint: Endpoint

    def __init__(self, name: str, args: McpServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("code:mcp:McpServer", name, {}, opts)
        server = args.server
        child = pulumi.ResourceOptions(parent=self)
        image = build(
            name,
            args.images,
            context=f"mcp-{server.runtime}",
            base=server.runtime,
            tag=server.version,
            args={"SERVER": server.id},
            opts=child,
        )
        workload = Workload(
            name,
            WorkloadArgs(
                namespace=args.namespace,
                component="mcp-server",
                image=image,
                command=server.serve,
                env=server.env,
                ports=[Port(name="mcp", port=server.port, target=server.port)],
                health_port=server.port,
                health_path=server.health,
                requests=server.resources.requests.model_dump(),
                limits=server.resources.limits.model_dump(),
                zone=server.zone,
            ),
            opts=child,
        )
        self.endpoint = Endpoint(
            name=name,
            namespace=pulumi.Output.from_input(args.namespace),
            port=server.port,
            target_port=server.port,
            path=server.path,
            service=workload.service.metadata.name,
        )
        self.register_outputs({"authority": self.endpoint.authority})
