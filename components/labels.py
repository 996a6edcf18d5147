"""The labels every object carries, Kubernetes' recommended ones, and the names that follow content."""

import hashlib

PLATFORM = "code"


def labels(name: str, component: str) -> dict[str, str]:
    """Labels of an object: `name` tells instances apart, `component` is its role (edge, mcp-server)."""
    return {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/part-of": PLATFORM,
        "app.kubernetes.io/managed-by": "pulumi",
    }


def selector(name: str) -> dict[str, str]:
    """What selects the pods of `name`; of an object's labels, the part that never changes."""
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": PLATFORM}


def content_name(name: str, content: str) -> str:
    """The name of an object that holds `content`: other content is another object, and so a rollout of its users."""
    return f"{name}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"
