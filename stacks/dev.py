"""`dev`: the platform on any Kubernetes cluster."""

import pulumi

from catalog import mcp
from components.data.htm.crawler import Crawler, CrawlerArgs
from components.data.kubernetes import KubernetesData, KubernetesDataArgs
from components.edge.nginx import Edge, EdgeArgs
from components.foundation.addons.addons import Addons, AddonsArgs
from components.gateway.haproxy import Gateway, GatewayArgs
from components.graph import Graph
from components.mcp.server import McpServer, McpServerArgs
from components.tiers import close_tiers
from stacks.place import cluster_of, images_of
from stacks.settings import Settings


def build(settings: Settings, graph: Graph) -> dict[str, pulumi.Input[object]]:
    """Compose the stack, whose graph it fills; returns its outputs."""
    images = images_of(settings)
    cluster = cluster_of(settings, graph)
    # L1: closed networks, certificates, metrics of pods
    tiers = close_tiers(cluster, keep_data=settings.data.keep_volumes)
    addons = Addons("addons", AddonsArgs(tier=tiers.management, images=images, install=settings.installed_addons))
    # L2: databases, cache, objects, the HTM store
    layer = KubernetesData(
        "data",
        KubernetesDataArgs(
            tier=tiers.data,
            images=images,
            authority=addons.authority,
            options=settings.data.options(settings.retention.backups),
            sizes=settings.size_of,
        ),
    )
    data = layer.contract
    Crawler(
        "htm-crawler",
        CrawlerArgs(
            tier=tiers.backend,
            images=images,
            store=data.htm.sessions,
            schedule=settings.data.crawl,
            size=settings.size_of("htm-crawler"),
        ),
    )
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
    return {
        "edge_url": edge.url,
        "edge_ca": addons.authority.ca,
        "backup_keys": layer.backup_keys,
        "servers": {id: f"{edge.url}/mcp/{id}" for id in servers},
    }
