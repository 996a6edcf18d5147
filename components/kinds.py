"""How the pods of a workload run: the kinds of controllers, as far as services differ in them."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Scaled:
    """Replicas that a scaler owns, between bounds."""

    min: int
    max: int

    def __str__(self) -> str:
        return f"{self.min}-{self.max}"


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """Pods that are all alike."""

    replicas: int | Scaled = 1
    recreate: bool = False
    """Whether the old pod must be gone before the new one starts: it keeps files."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A volume for each pod of a StatefulSet. It stays when the pod, or the whole set, is gone."""

    name: str
    path: str
    size: str
    """As Kubernetes writes it: 10Gi."""


@dataclass(frozen=True, kw_only=True)
class StatefulSet:
    """Pods with names, and volumes, of their own. Its first headless endpoint gives them their names in the DNS."""

    replicas: int = 1
    claims: Sequence[Claim] = ()
    parallel: bool = True
    """Whether members start at once: those that elect a leader need each other."""
    led: bool = False
    """Whether a Job replaces its pods, in the order of their roles, and not the controller; that Job also waits until
    they are ready."""
    keep: bool = True
    """Whether its volumes stay when it is deleted."""


@dataclass(frozen=True, kw_only=True)
class DaemonSet:
    """A pod on every node of the cluster, whatever its zone and taints."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A pod that runs to its end, once."""

    deadline_s: int
    retries: int = 3
    follows: Sequence[str] = ()
    """Endpoints: it runs when all their consumers are ready."""


@dataclass(frozen=True, kw_only=True)
class CronJob:
    """A pod that runs to its end, again and again; never two at a time."""

    schedule: str
    deadline_s: int


Kind = Deployment | StatefulSet | DaemonSet | CronJob | Job
