"""Settings as a stack file would give them, for tests."""

import json
from typing import Any

from stacks.settings import Settings

VALID: dict[str, Any] = {
    "registry": "registry.example:5000/code",
    "cluster": {"nodes": ["10.0.2.100/32"]},
    "kubernetes_api": {"cidrs": ["10.0.2.100/32"], "port": 6443},
    "pools": {"all": {"zones": ["hpc", "data", "edge", "general"], "nodes": 1, "cpu": "2", "memory": "8Gi"}},
}
"""The least that a stack file must say."""


def settings(**changed: Any) -> Settings:  # noqa: ANN401 (any setting)
    """Valid settings, but for what is changed."""
    return Settings.model_validate_json(json.dumps({**VALID, **changed}))
