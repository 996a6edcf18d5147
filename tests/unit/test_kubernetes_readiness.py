"""The kubernetes stand-in: when an object counts as ready."""

from typing import Any

import pytest

from sandbox.plugins.kubernetes.objects import Obj
from sandbox.plugins.kubernetes.readiness import SETTLE_S, Progress, Situation, awaited_condition, rule_for


class Around:
    """The rest of the cluster."""

    def __init__(self, *objects: Obj) -> None:
        self._objects = objects

    def all(self, api_version: str, kind: str, namespace: str) -> list[Obj]:
        return [item for item in self._objects if item["kind"] == kind]


def judged(api_version: str, kind: str, obj: Obj, *around: Obj, waited: float = 0) -> Progress:
    rule = rule_for(api_version, kind)
    assert rule
    return rule(
        Situation({"metadata": {"name": "x", "namespace": "n", "generation": 2}, **obj}, Around(*around), waited)
    )


def deployment(**status: object) -> Progress:
    done = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
    return judged("apps/v1", "Deployment", {"spec": {"replicas": 2}, "status": {**done, **status}})


def test_deployment() -> None:
    assert deployment().done
    assert not deployment(observedGeneration=1).done
    assert not deployment(availableReplicas=1).done
    assert not deployment(updatedReplicas=1).done
    assert not deployment(replicas=3).done, "an old pod is still there"
    late = deployment(
        availableReplicas=0,
        conditions=[
            {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "late"}
        ],
    )
    assert late.failed
    assert late.message == "[ProgressDeadlineExceeded] late"


def test_deployment_of_no_pods() -> None:
    assert judged("apps/v1", "Deployment", {"spec": {"replicas": 0}, "status": {"observedGeneration": 2}}).done


def service(spec: dict[str, Any], *endpoints: dict[str, Any], waited: float = 0, status: object = None) -> Progress:
    around: Obj = {
        "kind": "EndpointSlice",
        "metadata": {"labels": {"kubernetes.io/service-name": "x"}},
        "endpoints": [{"conditions": conditions} for conditions in endpoints],
    }
    other: Obj = {**around, "metadata": {"labels": {"kubernetes.io/service-name": "y"}}, "endpoints": [{}]}
    return judged("v1", "Service", {"spec": spec, "status": status}, around, other, waited=waited)


@pytest.mark.parametrize(
    "spec", [{"type": "ExternalName"}, {"clusterIP": "None", "selector": {"a": "b"}}, {"clusterIP": "10.0.0.1"}]
)
def test_services_that_wait_for_no_pods(spec: dict[str, Any]) -> None:
    assert service(spec).done


def test_service() -> None:
    spec = {"selector": {"a": "b"}}
    assert service(spec, {"ready": True}).done
    assert not service(spec, {"ready": True}, {"ready": False}, waited=SETTLE_S).done
    assert service(spec, {"ready": True}, {"ready": False, "terminating": True}).done
    assert not service(spec).done
    assert service(spec, waited=SETTLE_S).done


def test_load_balancer() -> None:
    spec = {"type": "LoadBalancer", "selector": {"a": "b"}}
    assert not service(spec, {"ready": True}).done
    assert service(spec, {"ready": True}, status={"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}).done


def test_job() -> None:
    def job(*conditions: dict[str, str]) -> Progress:
        return judged("batch/v1", "Job", {"status": {"conditions": list(conditions)}})

    assert not job().done
    assert job({"type": "Complete", "status": "True"}).done
    failed = job({"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "m"})
    assert failed.failed
    assert "[BackoffLimitExceeded] m" in failed.message


def test_stateful_set() -> None:
    def stateful_set(strategy: dict[str, Any] | None = None, **status: object) -> Progress:
        done = {
            "observedGeneration": 2,
            "replicas": 2,
            "readyReplicas": 2,
            "currentRevision": "a",
            "updateRevision": "a",
        }
        spec = {"replicas": 2, "updateStrategy": strategy}
        return judged("apps/v1", "StatefulSet", {"spec": spec, "status": {**done, **status}})

    assert stateful_set().done
    assert not stateful_set(readyReplicas=1).done
    assert not stateful_set(observedGeneration=1).done
    assert not stateful_set(updateRevision="b").done
    assert stateful_set({"type": "OnDelete"}, updateRevision="b").done
    halfway = {"rollingUpdate": {"partition": 1}}
    assert stateful_set(halfway, updateRevision="b", updatedReplicas=1).done
    assert not stateful_set(halfway, updateRevision="b", updatedReplicas=0).done


def test_daemon_set() -> None:
    def daemon_set(**status: object) -> Progress:
        done = {
            "observedGeneration": 2,
            "desiredNumberScheduled": 1,
            "updatedNumberScheduled": 1,
            "numberAvailable": 1,
            "numberReady": 1,
        }
        return judged("apps/v1", "DaemonSet", {"status": {**done, **status}})

    assert daemon_set().done
    assert not daemon_set(numberAvailable=0).done
    assert not daemon_set(updatedNumberScheduled=0).done
    assert daemon_set(desiredNumberScheduled=0, numberAvailable=0, updatedNumberScheduled=0, numberReady=0).done


def test_claim() -> None:
    late = {"kind": "StorageClass", "metadata": {"name": "late"}, "volumeBindingMode": "WaitForFirstConsumer"}
    soon = {"kind": "StorageClass", "metadata": {"name": "soon"}, "volumeBindingMode": "Immediate"}

    def claim(name: str, phase: str) -> Progress:
        obj = {"spec": {"storageClassName": name}, "status": {"phase": phase}}
        return judged("v1", "PersistentVolumeClaim", obj, late, soon)

    assert claim("late", "Pending").done
    assert not claim("soon", "Pending").done
    assert claim("soon", "Bound").done
    assert not claim("late", "Lost").done


def test_pod() -> None:
    assert judged("v1", "Pod", {"status": {"phase": "Succeeded"}}).done
    assert judged("v1", "Pod", {"status": {"phase": "Failed"}}).failed
    running = {"phase": "Running", "conditions": [{"type": "Ready", "status": "False", "reason": "R", "message": "m"}]}
    waiting = judged("v1", "Pod", {"status": running})
    assert not waiting.done
    assert "[R] m" in waiting.message


@pytest.mark.parametrize(
    ("wanted", "status", "done"),
    [("Ready", "True", True), ("Ready", "False", False), ("Ready=false", "False", True), ("Other", "True", False)],
)
def test_awaited_condition(wanted: str, status: str, done: bool) -> None:
    obj = {"status": {"conditions": [{"type": "Ready", "status": status}]}}
    assert awaited_condition(wanted)(Situation(obj, Around())).done is done


def test_what_is_ready_once_it_exists() -> None:
    assert rule_for("v1", "ConfigMap") is None
