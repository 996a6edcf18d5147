"""Where the pods are in each kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from policies.reading import Object, Violation, an_object, objects

_TEMPLATE = ("spec", "template", "spec")

DEPLOYMENT: Final = "kubernetes:apps/v1:Deployment"
STATEFUL_SET: Final = "kubernetes:apps/v1:StatefulSet"
DAEMON_SET: Final = "kubernetes:apps/v1:DaemonSet"
REPLICA_SET: Final = "kubernetes:apps/v1:ReplicaSet"
REPLICATION_CONTROLLER: Final = "kubernetes:core/v1:ReplicationController"

PATHS: Final[Mapping[str, Sequence[str]]] = {
    "kubernetes:core/v1:Pod": ("spec",),
    "kubernetes:core/v1:PodTemplate": ("template", "spec"),
    REPLICATION_CONTROLLER: _TEMPLATE,
    DEPLOYMENT: _TEMPLATE,
    STATEFUL_SET: _TEMPLATE,
    DAEMON_SET: _TEMPLATE,
    REPLICA_SET: _TEMPLATE,
    "kubernetes:batch/v1:Job": _TEMPLATE,
    "kubernetes:batch/v1:CronJob": ("spec", "jobTemplate", *_TEMPLATE),
}
"""Type -> where its pod's spec is. Older versions of these kinds are served by no cluster that we support."""

MAIN, INIT, EPHEMERAL = "containers", "initContainers", "ephemeralContainers"


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container of a pod."""

    kind: str
    """MAIN, INIT or EPHEMERAL."""
    path: str
    props: Object


@dataclass(frozen=True, kw_only=True)
class Pod:
    """A pod, as far as it could be read."""

    path: str
    spec: Object
    containers: Sequence[Container]
    unread: Sequence[Violation]
    """What could not be read: every rule on pods reports it, for it could be what the rule forbids."""


def read(type: str, props: Object) -> Pod:
    """The pod of a resource whose type is in `PATHS`."""
    spec, path = props, ""
    for key in PATHS[type]:
        path = f"{path}.{key}" if path else key
        found = an_object(spec.get(key), path, required=True)
        if found.wrong:
            return Pod(path=path, spec={}, containers=(), unread=found.wrong)
        spec = found.value
    containers: list[Container] = []
    unread: list[Violation] = []
    for kind in (MAIN, INIT, EPHEMERAL):
        listed = objects(spec.get(kind), f"{path}.{kind}", required=kind == MAIN)
        containers += [Container(kind=kind, path=at, props=item) for at, item in listed.value]
        unread += listed.wrong
    return Pod(path=path, spec=spec, containers=containers, unread=unread)
