"""Why a workload did not come up: its pods' states, events and last log lines, each a line of the error."""

from collections.abc import Iterator

from sandbox.plugins.kubernetes.client import Client
from sandbox.plugins.kubernetes.kinds import Kinds
from sandbox.plugins.kubernetes.objects import Obj, listed, mapped, pick
from sandbox.plugins.provider import ProviderError

PODS = 3
"""So many pods are told of; the others mostly fail alike."""

EVENTS = 5
LOG_LINES = 10

_WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicationController", "Pod"})


def reasons(client: Client, kinds: Kinds, obj: Obj) -> list[str]:
    """What the cluster says about an object that is not ready: warnings about itself, then pod by pod."""
    try:
        found = list(_events(client, kinds, obj))
        if obj["kind"] in _WORKLOADS:
            for pod in _unready_pods(client, kinds, obj)[:PODS]:
                found += _of_pod(client, kinds, pod)
    except ProviderError as error:
        found = [f"no more is known: {error}"]
    return found


def trouble(pod: Obj) -> str:
    """What keeps a pod from running, in few words; empty where nothing is reported."""
    for status in _container_statuses(pod):
        waiting = mapped(status, "state", "waiting")
        if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            return f"[{waiting['reason']}] {waiting.get('message') or status.get('name')}"
        ended = mapped(status, "state", "terminated")
        if ended.get("exitCode"):
            return f"[{ended.get('reason')}] container {status.get('name')} exited with code {ended['exitCode']}"
    for condition in listed(pod, "status", "conditions"):
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return f"[{condition.get('reason')}] {condition.get('message')}"
    return ""


def pods_of(obj: Obj, pods: list[Obj], replica_sets: list[Obj]) -> list[Obj]:
    """The pods that an object owns, a Deployment's through its ReplicaSets."""
    if obj["kind"] == "Pod":
        return [obj]
    owners = {pick(obj, "metadata", "uid")}
    owners |= {pick(item, "metadata", "uid") for item in replica_sets if _owners(item) & owners}
    return [pod for pod in pods if _owners(pod) & owners]


def _unready_pods(client: Client, kinds: Kinds, obj: Obj) -> list[Obj]:
    namespace = obj["metadata"]["namespace"]
    pods = client.get(kinds.need("v1", "Pod").path(namespace))["items"]
    sets = client.get(kinds.need("apps/v1", "ReplicaSet").path(namespace))["items"]
    owned = pods_of(obj, pods, sets)
    ready = [pod for pod in owned if pick(pod, "status", "phase") == "Succeeded" or _ready(pod)]
    return [pod for pod in owned if pod not in ready]


def _of_pod(client: Client, kinds: Kinds, pod: Obj) -> Iterator[str]:
    name = pod["metadata"]["name"]
    yield f"Pod {name}: {trouble(pod) or pick(pod, 'status', 'phase')}"
    for line in _events(client, kinds, {"apiVersion": "v1", "kind": "Pod", **pod}):
        yield f"Pod {name}: {line}"
    path = kinds.need("v1", "Pod").path(pod["metadata"]["namespace"], name)
    for status in _container_statuses(pod):
        again = bool(status.get("restartCount")) and not pick(status, "state", "terminated")
        if not again and not pick(status, "state", "terminated") and not pick(status, "state", "running"):
            continue  # it never ran
        asked = {"container": str(status["name"]), "tailLines": str(LOG_LINES), "previous": str(again).lower()}
        try:
            log = client.text(f"{path}/log", asked)
        except ProviderError as error:
            log = f"(no log: {error})"
        for line in log.splitlines():
            yield f"Pod {name}: container {status['name']}: {line}"


def _events(client: Client, kinds: Kinds, obj: Obj) -> Iterator[str]:
    metadata = obj["metadata"]
    query = {"fieldSelector": f"involvedObject.uid={metadata['uid']},type=Warning"}
    events = listed(client.get(kinds.need("v1", "Event").path(metadata.get("namespace") or "default"), query), "items")
    events.sort(key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))
    for event in events[-EVENTS:]:
        yield f"[{event.get('reason')}] {event.get('message')}"


def _container_statuses(pod: Obj) -> list[Obj]:
    return [*listed(pod, "status", "initContainerStatuses"), *listed(pod, "status", "containerStatuses")]


def _ready(pod: Obj) -> bool:
    conditions = listed(pod, "status", "conditions")
    return any(item.get("type") == "Ready" and item.get("status") == "True" for item in conditions)


def _owners(obj: Obj) -> set[str]:
    return {str(owner.get("uid")) for owner in listed(obj, "metadata", "ownerReferences")}
