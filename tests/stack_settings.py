"""Settings as a stack file would give them, for tests."""

import json
from typing import Any

import pulumi

from components.graph import Graph
from stacks import dev
from stacks.settings import Settings

VALID: dict[str, Any] = {
    "registry": "registry.example:5000/code",
    "cluster": {"nodes": ["10.0.2.100/32"]},
    "kubernetes_api": {"cidrs": ["10.0.2.100/32"], "port": 6443},
    "pools": {"all": {"zones": ["hpc", "data", "edge", "general"], "nodes": 1, "cpu": "4", "memory": "32Gi"}},
}
"""The least that a stack file must say."""


def settings(**changed: Any) -> Settings:  # noqa: ANN401 (any setting)
    """Valid settings, but for what is changed."""
    return Settings.model_validate_json(json.dumps({**VALID, **changed}))


def build(given: Settings, graph: Graph | None = None) -> dict[str, pulumi.Input[object]]:
    """The dev stack of these settings, declared whole."""
    with graph or Graph() as whole:
        return dev.build(given, whole)
