"""An update ends when what it made is ready, or says why it is not."""

import re
import signal
import time

import pytest

from tests.conformance.kubernetes.cluster import Project

WEB = """
deployment = k8s.apps.v1.Deployment("web", metadata={"namespace": NS, "name": "web", "annotations": ANNOTATIONS}, spec={
    "replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}},
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [{"name": "web", "image": "IMAGE",
            "command": ["sh", "-c", "COMMAND"]}]}}})
pulumi.export("available", deployment.status.available_replicas)
"""
SERVICE = """
k8s.core.v1.Service("service", metadata={"namespace": NS, "name": "service"},
    spec={"selector": {"app": "web"}, "ports": [{"port": 80}]})
"""
NO_IMAGE = "registry.invalid/none:1"


def web(image: str, command: str = "sleep infinity", **annotations: str) -> str:
    notes = {f"pulumi.com/{key}": value for key, value in annotations.items()}
    return WEB.replace("IMAGE", image).replace("COMMAND", command).replace("ANNOTATIONS", str(notes))


@pytest.mark.usefixtures("node")
def test_ready_means_running(project: Project, image: str) -> None:
    project.up(web(image) + SERVICE)
    assert project.cli.outputs() == {"available": 1}
    (pod,) = project.cluster.get("pods")["items"]
    assert pod["status"]["phase"] == "Running"
    (part,) = project.cluster.get("endpointslices")["items"]
    assert part["endpoints"][0]["conditions"]["ready"]


@pytest.mark.usefixtures("node")
def test_failure_tells_of_the_pods_and_can_be_mended(project: Project, image: str) -> None:
    project.program(web(NO_IMAGE, timeoutSeconds="10"))
    said = project.fails("up", "--yes", "--skip-preview")
    assert "'web' timed out after 10 s waiting to be Ready" in said
    assert "Waiting for app ReplicaSet to be available (0/1 Pods available)" in said
    assert re.search(r"Pod web-\S+: \[(ErrImagePull|ImagePullBackOff)\]", said)
    assert re.search(rf"Pod web-\S+: \[Failed\] Failed to pull image \"{NO_IMAGE}\"", said), "the pod's event"
    state = project.resource("web")
    assert state["id"] == f"{project.namespace}/web"
    assert any("timed out" in line for line in state["initErrors"])

    uid = project.cluster.get("deployment", "web")["metadata"]["uid"]
    project.up(web(image))
    assert project.cluster.get("deployment", "web")["metadata"]["uid"] == uid
    assert "initErrors" not in project.resource("web")


@pytest.mark.usefixtures("node")
def test_what_failed_is_waited_for_again(project: Project) -> None:
    source = web(NO_IMAGE, timeoutSeconds="3")
    project.program(source)
    project.fails("up", "--yes", "--skip-preview")
    assert "timed out" in project.fails("up", "--yes", "--skip-preview"), "nothing changed, and nothing is well"


@pytest.mark.usefixtures("node")
def test_last_log_lines(project: Project, image: str) -> None:
    # Without it, the moment that the container runs would do.
    patient = ('"replicas": 1', '"replicas": 1, "minReadySeconds": 30')
    project.program(web(image, "echo the last words; exit 3", timeoutSeconds="15").replace(*patient))
    said = project.fails("up", "--yes", "--skip-preview")
    assert re.search(r"Pod web-\S+: container web: the last words", said)


def test_nobody_runs_pods_of_a_skipped_await(project: Project) -> None:
    began = time.monotonic()
    project.up(web(NO_IMAGE, skipAwait="true"))
    assert project.cluster.exists("deployment", "web")
    assert time.monotonic() - began < 60


def test_custom_timeout_of_the_resource(project: Project) -> None:
    source = web(NO_IMAGE).replace("}}})\npulumi", "}}}, opts=pulumi.ResourceOptions(custom_timeouts=T))\npulumi")
    project.program('T = pulumi.CustomTimeouts(create="2s")\n' + source)
    assert "'web' timed out after 2 s" in project.fails("up", "--yes", "--skip-preview")


def test_service_without_pods_is_ready_and_one_with_starting_pods_is_not(project: Project) -> None:
    project.up(SERVICE)
    project.cluster.ok("create", "--filename=-", stdin=endpoints(ready=False))
    project.program(
        SERVICE.replace('"name": "service"', '"name": "service", "annotations": {"pulumi.com/timeoutSeconds": "2"}')
    )
    assert "Service does not target any ready Pods yet" in project.fails("up", "--yes", "--skip-preview")
    project.cluster.ok("apply", "--filename=-", stdin=endpoints(ready=True))
    project.cli.up()


def test_claim_of_a_late_binding_class_is_not_waited_for(project: Project) -> None:
    project.up("""
    late = k8s.storage.v1.StorageClass("late", metadata={"name": NS}, provisioner="example.com/none",
        volume_binding_mode="WaitForFirstConsumer")
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    k8s.core.v1.PersistentVolumeClaim("claim", metadata={"namespace": NS, "name": "claim"},
        spec={**claim, "storageClassName": late.metadata.name})
    """)
    assert project.cluster.get("persistentvolumeclaim", "claim")["status"]["phase"] == "Pending"
    project.cli.ok("destroy", "--yes", "--skip-preview")


@pytest.mark.usefixtures("node")
def test_job(project: Project, image: str) -> None:
    job = """
    k8s.batch.v1.Job("job", metadata={"namespace": NS, "name": "job"}, spec={"backoffLimit": 0, "template": {"spec": {
        "restartPolicy": "Never", "containers": [{"name": "job", "image": "IMAGE",
            "command": ["sh", "-c", "COMMAND"]}]}}})
    """
    project.up(job.replace("IMAGE", image).replace("COMMAND", "true"))
    assert project.cluster.get("job", "job")["status"]["succeeded"] == 1
    # Its template cannot change: the second job takes the place of the first.
    project.program(job.replace("IMAGE", image).replace("COMMAND", "echo the last words; exit 3"))
    said = project.fails("up", "--yes", "--skip-preview")
    assert "the Job failed: [BackoffLimitExceeded]" in said
    assert re.search(r"Pod job-\S+: container job: the last words", said)


def test_cancel_leaves_a_usable_state(project: Project) -> None:
    project.program(web(NO_IMAGE))
    running = project.cli.start("up", "--yes", "--skip-preview")
    project.cluster.until("the update waits", lambda: project.cluster.exists("deployment", "web"))
    assert running.stdout is not None
    for line in running.stdout:
        if "Waiting for" in line:
            break
    began = time.monotonic()
    running.send_signal(signal.SIGINT)
    said = running.communicate(timeout=60)[0]
    assert running.returncode != 0
    assert time.monotonic() - began < 30, said
    assert "Resource operation was cancelled for 'web'" in said
    assert project.resource("web")["id"] == f"{project.namespace}/web"

    project.up(web(NO_IMAGE, skipAwait="true"))
    assert "initErrors" not in project.resource("web")
    project.cli.ok("destroy", "--yes", "--skip-preview")
    assert not project.cluster.exists("deployment", "web")


def endpoints(*, ready: bool) -> str:
    """An EndpointSlice of the service, as a controller would make it."""
    return f"""
    {{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "ports": [{{"port": 80}}],
     "metadata": {{"name": "service-x", "labels": {{"kubernetes.io/service-name": "service"}}}},
     "endpoints": [{{"addresses": ["10.244.255.254"], "conditions": {{"ready": {str(ready).lower()}}}}}]}}
    """
