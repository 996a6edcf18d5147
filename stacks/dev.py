"""`dev`: the platform on any Kubernetes cluster."""

from pathlib import Path

import pulumi

from catalog import mcp
from components.cluster import Cluster
from components.edge.nginx import Edge, EdgeArgs
from components.foundation.addons.addons import Addons, AddonsArgs
from components.gateway.haproxy import Gateway, GatewayArgs
from components.graph import Graph
from components.images import ImageSource
from components.mcp.server import McpServer, McpServerArgs
from components.tiers import close_tiers
from stacks.settings import Settings


def build(settings: Settings) -> tuple[dict[str, pulumi.Input[object]], Graph]:
    """Compose the stack; returns its outputs, none of them secret, and its graph."""
    images = ImageSource(registry=settings.registry, lock=Path(settings.image_lock) if settings.image_lock else None)
    cluster = Cluster(
        api_cidrs=[str(cidr) for cidr in settings.kubernetes_api.cidrs],
        api_port=settings.kubernetes_api.port,
        node_cidrs=[str(cidr) for cidr in settings.cluster.nodes],
        requests_scale=settings.requests_scale,
    )
    # L1: closed networks, certificates, metrics of pods
    tiers = close_tiers(cluster)
    addons = Addons("addons", AddonsArgs(tier=tiers.management, images=images, install=settings.installed_addons))
    # L4: MCP servers
    servers = {
        id: McpServer(f"mcp-{id}", McpServerArgs(server=mcp.load().server(id), tier=tiers.backend, images=images))
        for id in settings.servers
    }
    # L6: the gateway before them
    gateway = Gateway(
        "gateway",
        GatewayArgs(
            tier=tiers.frontend,
            images=images,
            servers={id: server.endpoint for id, server in servers.items()},
            replicas=settings.replicas_of("gateway"),
        ),
    )
    # L7: where users come in
    edge = Edge(
        "edge",
        EdgeArgs(
            tier=tiers.dmz,
            images=images,
            gateway=gateway.endpoint,
            authority=addons.authority,
            domains=settings.domains.edge,
            replicas=settings.replicas_of("edge"),
        ),
    )
    outputs: dict[str, pulumi.Input[object]] = {
        "edge_url": edge.url,
        "edge_ca": addons.authority.ca,
        "servers": {id: f"{edge.url}/mcp/{id}" for id in servers},
    }
    return outputs, cluster.graph
