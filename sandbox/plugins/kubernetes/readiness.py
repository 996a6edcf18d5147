"""When an object is ready: one pure rule per kind, those of the official provider's awaiters.

Departures: a Deployment that has passed its progress deadline fails then, not only when the whole time is over; a
Service with a ready endpoint is ready at once, and one without any pods after 5 s of quiet rather than 10; a
CustomResourceDefinition is ready when it is established.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from sandbox.plugins.kubernetes.objects import Obj, listed, mapped, pick

SETTLE_S = 5.0
"""A Service whose pods have not shown up after so long has none, it seems, and is not waited for."""


class Surroundings(Protocol):
    """What else the cluster holds."""

    def all(self, api_version: str, kind: str, namespace: str) -> list[Obj]:
        """All objects of a kind in a namespace."""
        ...


@dataclass(frozen=True)
class Situation:
    """What a rule judges."""

    obj: Obj
    world: Surroundings
    waited: float = float("inf")
    """Seconds since the object was applied."""


@dataclass(frozen=True)
class Progress:
    """How far an object has come."""

    done: bool
    message: str = ""
    failed: bool = False
    """It will not get there by waiting."""


READY = Progress(True)
Rule = Callable[[Situation], Progress]


def condition(obj: Obj, kind: str) -> Obj:
    """A status condition by its type, empty where the object has none such."""
    nothing: Obj = {}
    return next((item for item in listed(obj, "status", "conditions") if item.get("type") == kind), nothing)


def rule_for(api_version: str, kind: str) -> Rule | None:
    """The rule of a kind, None for kinds that are ready once they exist."""
    return _RULES.get((api_version, kind))


def awaited_condition(wanted: str) -> Rule:
    """The rule that an annotation `pulumi.com/waitFor: condition=<type>[=<status>]` asks for."""
    kind, _, status = wanted.partition("=")

    def rule(now: Situation) -> Progress:
        found = condition(now.obj, kind)
        if str(found.get("status", "")).lower() == (status or "True").lower():
            return READY
        return Progress(False, f"Waiting for condition {kind}{_because(found)}")

    return rule


def _because(found: Obj) -> str:
    return f": [{found.get('reason')}] {found.get('message')}" if found.get("message") else ""


def _observed(obj: Obj) -> bool:
    """Whether the controller has seen the object as it is now."""
    return (pick(obj, "status", "observedGeneration") or 0) >= (pick(obj, "metadata", "generation") or 0)


def _count(obj: Obj, key: str) -> int:
    return pick(obj, "status", key) or 0


def _replicas(obj: Obj) -> int:
    wanted = pick(obj, "spec", "replicas")
    return 1 if wanted is None else wanted


def _deployment(now: Situation) -> Progress:
    obj, wanted = now.obj, _replicas(now.obj)
    if not _observed(obj):
        return Progress(False, "Waiting for the Deployment controller")
    progressing = condition(obj, "Progressing")
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return Progress(False, f"[ProgressDeadlineExceeded] {progressing.get('message')}", failed=True)
    updated, available = _count(obj, "updatedReplicas"), _count(obj, "availableReplicas")
    if updated == wanted == _count(obj, "replicas") and available >= wanted:
        return READY
    because = _because(condition(obj, "ReplicaFailure"))
    return Progress(False, f"Waiting for app ReplicaSet to be available ({available}/{wanted} Pods available){because}")


def _stateful_set(now: Situation) -> Progress:
    obj, wanted = now.obj, _replicas(now.obj)
    if not _observed(obj):
        return Progress(False, "Waiting for the StatefulSet controller")
    ready = _count(obj, "readyReplicas")
    rolled = pick(obj, "status", "currentRevision") == pick(obj, "status", "updateRevision")
    on_delete = pick(obj, "spec", "updateStrategy", "type") == "OnDelete"
    # A rolling update with a partition leaves the pods below it alone, for good.
    partition = pick(obj, "spec", "updateStrategy", "rollingUpdate", "partition") or 0
    partial = partition and _count(obj, "updatedReplicas") >= wanted - partition
    if ready >= wanted == _count(obj, "replicas") and (rolled or on_delete or partial):
        return READY
    return Progress(False, f"Waiting for StatefulSet Pods ({ready}/{wanted} Pods ready)")


def _daemon_set(now: Situation) -> Progress:
    obj = now.obj
    wanted, updated = _count(obj, "desiredNumberScheduled"), _count(obj, "updatedNumberScheduled")
    available = _count(obj, "numberAvailable")
    if _observed(obj) and min(updated, available, _count(obj, "numberReady")) >= wanted:
        return READY
    return Progress(False, f"Waiting for DaemonSet Pods ({available}/{wanted} Pods available)")


def _pod(now: Situation) -> Progress:
    phase = pick(now.obj, "status", "phase")
    if phase == "Succeeded" or condition(now.obj, "Ready").get("status") == "True":
        return READY
    return Progress(False, f"Waiting for the Pod to be ready{_because(condition(now.obj, 'Ready'))}", phase == "Failed")


def _job(now: Situation) -> Progress:
    if condition(now.obj, "Complete").get("status") == "True":
        return READY
    failed = condition(now.obj, "Failed")
    if failed.get("status") == "True":
        return Progress(False, f"the Job failed{_because(failed)}", failed=True)
    return Progress(False, f"Waiting for the Job to complete ({_count(now.obj, 'active')} Pods active)")


def _service(now: Situation) -> Progress:
    spec = mapped(now.obj, "spec")
    if spec.get("type") == "LoadBalancer" and not pick(now.obj, "status", "loadBalancer", "ingress"):
        return Progress(
            False,
            "Service was not allocated an IP address; does anything serve type LoadBalancer?",
        )
    if spec.get("type") == "ExternalName" or spec.get("clusterIP") == "None" or not spec.get("selector"):
        return READY
    metadata = now.obj["metadata"]
    slices = [
        item
        for item in now.world.all("discovery.k8s.io/v1", "EndpointSlice", metadata["namespace"])
        if pick(item, "metadata", "labels", "kubernetes.io/service-name") == metadata["name"]
    ]
    endpoints = [endpoint for item in slices for endpoint in listed(item, "endpoints")]
    pending = [endpoint for endpoint in endpoints if _pending(endpoint)]
    if endpoints and not pending:
        return READY
    if not endpoints and now.waited >= SETTLE_S:
        return READY
    return Progress(
        False,
        "Service does not target any ready Pods yet. Selected Pods may not be ready, or field '.spec.selector' may "
        "not match labels on any Pods",
    )


def _pending(endpoint: Obj) -> bool:
    conditions = mapped(endpoint, "conditions")
    return conditions.get("ready") is False and not conditions.get("terminating")


def _ingress(now: Situation) -> Progress:
    if pick(now.obj, "status", "loadBalancer", "ingress"):
        return READY
    return Progress(False, "Ingress was not allocated an address; is there a controller that serves its class?")


def _volume(now: Situation) -> Progress:
    phase = pick(now.obj, "status", "phase")
    return READY if phase in ("Available", "Bound") else Progress(False, f"PersistentVolume is {phase}")


def _claim(now: Situation) -> Progress:
    phase = pick(now.obj, "status", "phase")
    if phase == "Bound":
        return READY
    name = pick(now.obj, "spec", "storageClassName")
    classes = now.world.all("storage.k8s.io/v1", "StorageClass", "")
    mode = next((item.get("volumeBindingMode") for item in classes if item["metadata"]["name"] == name), None)
    # Such a claim is bound only when a pod uses it, and that pod may be waiting for us.
    if mode == "WaitForFirstConsumer" and phase == "Pending":
        return READY
    return Progress(False, f"PersistentVolumeClaim is not bound; status.phase currently at: {phase}")


def _quota(now: Situation) -> Progress:
    same = pick(now.obj, "spec", "hard") == pick(now.obj, "status", "hard")
    return READY if same else Progress(False, "Waiting for the ResourceQuota to be taken up")


def _secret(now: Situation) -> Progress:
    # Only a token's Secret is filled by someone else.
    if now.obj.get("type") != "kubernetes.io/service-account-token" or now.obj.get("data"):
        return READY
    return Progress(False, "Waiting for the service account's token")


def _replication_controller(now: Situation) -> Progress:
    available, wanted = _count(now.obj, "availableReplicas"), _replicas(now.obj)
    return READY if available == wanted else Progress(False, f"Waiting for Pods ({available}/{wanted} Pods available)")


_RULES: Mapping[tuple[str, str], Rule] = {
    ("apps/v1", "Deployment"): _deployment,
    ("apps/v1", "StatefulSet"): _stateful_set,
    ("apps/v1", "DaemonSet"): _daemon_set,
    ("batch/v1", "Job"): _job,
    ("v1", "Pod"): _pod,
    ("v1", "Service"): _service,
    ("v1", "PersistentVolume"): _volume,
    ("v1", "PersistentVolumeClaim"): _claim,
    ("v1", "ResourceQuota"): _quota,
    ("v1", "Secret"): _secret,
    ("v1", "ReplicationController"): _replication_controller,
    ("networking.k8s.io/v1", "Ingress"): _ingress,
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"): awaited_condition("Established"),
}
