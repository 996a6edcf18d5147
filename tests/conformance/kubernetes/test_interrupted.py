"""What a killed update leaves, and whose objects a create may take over."""

from pathlib import Path

from tests.conformance.kubernetes.cluster import Project

# It is applied at once, and never becomes ready: the update can be killed between the two.
STUCK = """
k8s.apps.v1.Deployment("web", metadata={"namespace": NS NAME, "annotations": {NOTE}}, spec={
    "selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "registry.invalid/none:1"}]}}})
"""
SKIP = '"pulumi.com/skipAwait": "true"'


def stuck(name: str, note: str) -> str:
    return STUCK.replace(" NAME", name).replace("NOTE", note)


def test_killed_while_creating_is_completed_only_with_upsert(project: Project) -> None:
    fixed = ', "name": "web"'
    project.program(stuck(fixed, ""))
    running = project.cli.start("up", "--yes", "--skip-preview")
    project.cluster.until("the object is there", lambda: bool(project.cluster.names("deployments")))
    running.kill()
    running.wait()
    (made,) = project.cluster.get("deployments")["items"]
    assert not any(item["urn"].endswith("::web") for item in project.cli.resources()), "the state knows nothing of it"
    project.cli.ok("cancel", "--yes")

    project.program(stuck(fixed, SKIP))
    assert 'deployments.apps "web" already exists' in project.fails("up", "--yes", "--skip-preview")
    project.cli.environment["PULUMI_K8S_UPSERT_EXISTING_OBJECTS"] = "true"
    project.cli.up()
    (kept,) = project.cluster.get("deployments")["items"]
    assert kept["metadata"]["uid"] == made["metadata"]["uid"]
    assert kept["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true"
    assert project.changes() == {}


def test_plugin_ends_with_a_killed_engine(project: Project) -> None:
    project.program(stuck("", ""))
    running = project.cli.start("up", "--yes", "--skip-preview")
    project.cluster.until("the object is there", lambda: bool(project.cluster.names("deployments")))
    plugins = [pid for pid in children(running.pid) if "sandbox.plugins.kubernetes" in command(pid)]
    assert plugins
    running.kill()
    running.wait()
    project.cluster.until("the plugin is gone", lambda: not any(Path(f"/proc/{pid}").exists() for pid in plugins))


def test_what_others_made_is_left_alone(project: Project) -> None:
    config = 'k8s.core.v1.ConfigMap("c", metadata={"namespace": NS, "name": "theirs"}, data={"a": "ours"})'
    project.cluster.ok("create", "configmap", "theirs", "--from-literal=a=theirs")
    assert 'configmaps "theirs" already exists' in project.preview_fails(config)
    assert 'configmaps "theirs" already exists' in project.fails("up", "--yes", "--skip-preview")
    assert project.cluster.get("configmap", "theirs")["data"] == {"a": "theirs"}

    project.cli.ok("config", "set", "kubernetes:upsertExistingObjects", "true")
    project.cli.ok("config", "set", "kubernetes:enablePatchForce", "true")
    project.cli.up()
    assert project.cluster.get("configmap", "theirs")["data"] == {"a": "ours"}


def test_what_a_renamed_resource_holds_is_left_alone(project: Project) -> None:
    """Without an alias the engine creates under the new name before it deletes under the old: the same object."""
    source = 'k8s.core.v1.ConfigMap("NAME", metadata={"namespace": NS, "name": "one"}, data={"a": "1"})'
    project.up(source.replace("NAME", "before"))
    project.program(source.replace("NAME", "after"))
    assert 'configmaps "one" already exists' in project.fails("up", "--yes", "--skip-preview")
    assert project.cluster.exists("configmap", "one")


def test_replaced_under_the_same_name(project: Project) -> None:
    """A forced replacement of an object with a fixed name must not take over what is to be deleted after it."""
    project.up('k8s.core.v1.ConfigMap("c", metadata={"namespace": NS, "name": "one"}, data={"a": "1"})')
    urn = project.resource("c")["urn"]
    said = project.fails("up", "--yes", "--skip-preview", "--replace", urn)
    assert 'configmaps "one" already exists' in said
    assert project.cluster.exists("configmap", "one")


def children(pid: int) -> list[int]:
    """A process's children."""
    return [int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]


def command(pid: int) -> str:
    """A process's command line."""
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
