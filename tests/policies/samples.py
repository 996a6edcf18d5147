"""Resources that pass every rule, and what makes them fail."""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from policies.plain import UNKNOWN
from policies.reading import Violation
from policies.rule import Resource, Source
from policies.security.rules import pods

Path = Sequence[str | int]
DIGEST = "sha256:" + "a" * 64
IMAGE = f"registry.example/app@{DIGEST}"


class Absent(Enum):
    """The type of `ABSENT`."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
"""As a value: the property is not there."""

P: Path = ("spec", "template", "spec")
"""The pod of a Deployment."""
C: Path = (*P, "containers", 0)
"""Its container."""

EMPTY: tuple[object, ...] = (ABSENT, None, UNKNOWN, "", 0, [], {})
"""Whatever a property may be that is not there or not known."""

NOTHING: dict[str, Any] = {}
"""An object without properties, where the type checker could not tell."""


@dataclass(frozen=True)
class Sample:
    """A property of a good resource, set to a value; and the paths of the violations that must follow."""

    path: Path
    value: Any
    wrong: Sequence[str]

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.path[-3:]))}={self.value!r:.30}"


def bad(path: Path, value: object, wrong: str | None = None) -> Sample:
    """A value that is refused, at its own path or at another."""
    return Sample(path, value, [dotted(path) if wrong is None else wrong])


def good(path: Path, value: object) -> Sample:
    """A value that passes."""
    return Sample(path, value, [])


def bads(path: Path, *values: object) -> list[Sample]:
    """Values that are refused."""
    return [bad(path, value) for value in values]


def goods(path: Path, *values: object) -> list[Sample]:
    """Values that pass."""
    return [good(path, value) for value in values]


def each(*values: object) -> tuple[object, ...]:
    """Values of any kind."""
    return values


def dotted(path: Path) -> str:
    """A path as violations have it."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)
    return text.removeprefix(".")


def changed(props: dict[str, Any], path: Path, value: object) -> dict[str, Any]:
    """A copy of the properties with one of them set to a value, or absent; objects on the way are made."""
    copied = copy.deepcopy(props)
    at: Any = copied
    for key in path[:-1]:
        at = at[key] if isinstance(key, int) else at.setdefault(key, {})
    if value is ABSENT:
        at.pop(path[-1], None)
    else:
        at[path[-1]] = value
    return copied


def container(image: object = IMAGE) -> dict[str, Any]:
    """A container."""
    return {
        "name": "app",
        "image": image,
        "env": [{"name": "PORT", "value": "8080"}],
        "ports": [{"name": "http", "containerPort": 8080}],
        "resources": {
            "requests": {"cpu": "50m", "memory": "64Mi"},
            "limits": {"cpu": 1, "memory": "128Mi"},
        },
        "livenessProbe": {"httpGet": {"path": "/", "port": 8080}},
        "readinessProbe": {"tcpSocket": {"port": "http"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }


def pod_spec() -> dict[str, Any]:
    """The spec of a pod."""
    return {
        "containers": [container()],
        "securityContext": {"runAsNonRoot": True},
        "volumes": [{"name": "scratch", "emptyDir": {}}],
    }


def with_pod(type: str) -> dict[str, Any]:
    """A resource of a kind with pods."""
    return changed({"metadata": {"name": "app"}}, pods.PATHS[type], pod_spec())


def deployment() -> dict[str, Any]:
    """A Deployment."""
    return with_pod(pods.DEPLOYMENT)


def resource(type: str, props: dict[str, Any], name: str = "app", /, **sources: Sequence[str]) -> Resource:
    """A resource of the stack; `spec=["docker:index/image:Image"]` says what its spec was computed from."""
    computed = {key: [Source(type=of, urn=urn(of, "source")) for of in types] for key, types in sources.items()}
    return Resource(type=type, name=name, urn=urn(type, name), props=props, sources=computed)


def urn(type: str, name: str) -> str:
    """The URN of a resource."""
    return f"urn:pulumi:dev::code::{type}::{name}"


def paths(found: Iterable[Violation]) -> list[str]:
    """Where the violations are."""
    return [violation.path for violation in found]
