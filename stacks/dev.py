"""`dev`: the platform on any Kubernetes cluster."""

from pathlib import Path

import pulumi

from catalog import mcp
from components.edge.nginx import Edge, EdgeArgs
from components.foundation.tier import Tier
from components.images import ImageSource
from components.mcp.server import McpServer, McpServerArgs
from stacks.settings import Secrets, Settings

EDGE_URL = "https://localhost"


def build(settings: Settings, secrets: Secrets) -> dict[str, pulumi.Input[object]]:
    """Compose the stack; returns its outputs, none of them secret."""
    images = ImageSource(
        registry=settings.registry, lock=Path(settings.image_lock) if settings.image_lock is not None else None
    )
    dmz, backend = Tier("mcp-dmz"), Tier("mcp-backend")
    servers = {
        id: McpServer(
            f"mcp-{id}", McpServerArgs(server=mcp.load().server(id), namespace=backend.namespace, images=images)
        )
        for id in settings.servers
    }
    Edge(
        "edge",
        EdgeArgs(
            namespace=dmz.namespace,
            images=images,
            servers={id: server.endpoint for id, server in servers.items()},
            certificate=settings.edge_cert,
            key=secrets.edge_key,
            replicas=settings.edge_replicas,
        ),
    )
    return {
        "edge_url": EDGE_URL,
        "edge_ca": settings.edge_ca,
        "servers": {id: f"{EDGE_URL}/mcp/{id}" for id in servers},
    }
