"""What components must know of the cluster that they are put into."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from components.graph import Graph

DOMAIN = "cluster.local"
"""The DNS domain of Services."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """One cluster, and the graph of what one stack runs in it."""

    api_cidrs: Sequence[str]
    """Where its API server answers, and calls from, as pods see it: a NetworkPolicy sees addresses behind Services."""
    api_port: int
    node_cidrs: Sequence[str]
    """Addresses of its nodes."""
    requests_scale: float = 1
    """How large its machines are beside those that the catalogue was written for: CPU requests are multiplied by it."""
    graph: Graph = field(default_factory=Graph)
