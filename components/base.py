"""What every component shares: the base class, labels, and names that fit."""

import hashlib
import re
from typing import ClassVar

import pulumi

PLATFORM = "code"

NAME_LIMITS = {"CronJob": 52, "StatefulSet": 52, "Endpoint": 63, "Namespace": 63, "Workload": 63}
"""Longest names that Kubernetes takes: an endpoint is a Service, a DNS label; a workload's name is a label's value;
CronJobs and StatefulSets append up to 11 characters to theirs."""

CALLERS = ("internet", "api-server")
"""Who calls from outside of the stack; no workload has such a name."""

_DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


class DeclarationError(pulumi.RunError):
    """The program declares what cannot be: one line that names the two that do not go together, and the remedy."""


class Component(pulumi.ComponentResource):
    """The base of all components: its type is `TYPE`, its children hang below it by `child`.

    Args:
        name: The resource's name, with which every child's begins: two instances can live in one stack.
        opts: Belongs to this component alone. Children inherit provider, protection and transforms by their parent;
            handed on whole, aliases and dependencies would leak into them.
    """

    TYPE: ClassVar[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(self.TYPE, name, {}, opts)
        self.child = pulumi.ResourceOptions(parent=self)


def checked_name(kind: str, name: str) -> str:
    """The name, if it can be one of `kind`.

    Errors:
        DeclarationError: it is too long, or not a DNS label.
    """
    limit = NAME_LIMITS[kind]
    if name in CALLERS:
        raise DeclarationError(f"{kind} {name!r}: the name stands for a caller from outside of the stack")
    if len(name) > limit or not _DNS_LABEL.fullmatch(name):
        raise DeclarationError(
            f"{kind} {name!r}: a name has at most {limit} of a-z, 0-9 and -, begins with a letter, does not end with -"
        )
    return name


def checked_reason(of: str, reason: str) -> None:
    """Every exception says why.

    Errors:
        DeclarationError: the reason is blank.
    """
    if not reason.strip():
        raise DeclarationError(f"{of} has no reason: say why")


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
