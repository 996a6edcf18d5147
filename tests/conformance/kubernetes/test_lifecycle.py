"""Create, read, update, replace and delete."""

import re

import pytest

from tests.conformance.kubernetes.cluster import Project

CONFIG = """
config = k8s.core.v1.ConfigMap("config", metadata={{"namespace": NS, "labels": {{"step": "{step}"}}}},
    data={{"key": "{value}"}})
pulumi.export("name", config.metadata.name)
pulumi.export("uid", config.metadata.uid)
pulumi.export("value", config.data["key"])
"""
FIXED = """
k8s.core.v1.Service("service", metadata={{"namespace": {namespace}, "name": "{name}", "labels": {{"l": "{label}"}}}},
    spec={{"ports": [{{"port": 80}}], "clusterIP": {ip} }})
"""


def test_create_update_replace_delete(project: Project) -> None:
    project.up(CONFIG.format(step=1, value="a"))
    first = project.cli.outputs()
    assert re.fullmatch(r"config-[0-9a-f]{8}", first["name"])
    live = project.cluster.get("configmap", first["name"])
    assert live["data"] == {"key": "a"} == {"key": first["value"]}
    assert live["metadata"]["uid"] == first["uid"]
    assert live["metadata"]["annotations"]["pulumi.com/autonamed"] == "true"
    (entry,) = live["metadata"]["managedFields"]
    assert (entry["operation"], re.sub("[0-9a-f]{8}$", "*", entry["manager"])) == ("Apply", "pulumi-kubernetes-*")
    state = project.resource("config")
    assert state["id"] == f"{project.namespace}/{first['name']}"
    assert state["outputs"]["__fieldManager"] == entry["manager"]

    assert project.changes() == {}

    project.up(CONFIG.format(step=2, value="a"))
    assert project.cli.outputs() == first, "a label changes in place"
    assert project.cluster.get("configmap", first["name"])["metadata"]["labels"] == {"step": "2"}

    project.program(CONFIG.format(step=2, value="b"))
    assert project.changes() == {"config": "replace"}
    project.cli.up()
    second = project.cli.outputs()
    assert second["name"] != first["name"], "data of a ConfigMap change by a new object"
    assert second["value"] == "b"
    assert [name for name in project.cluster.names("configmaps") if name.startswith("config-")] == [second["name"]]

    project.cli.ok("destroy", "--yes", "--skip-preview")
    assert not project.cluster.exists("configmap", second["name"])


def test_mutable_config_maps(project: Project) -> None:
    project.cli.ok("config", "set", "kubernetes:enableConfigMapMutable", "true")
    project.up(CONFIG.format(step=1, value="a"))
    first = project.cli.outputs()
    project.up(CONFIG.format(step=1, value="b"))
    assert project.cli.outputs() == {**first, "value": "b"}


def test_removed_field_goes(project: Project) -> None:
    project.up(CONFIG.format(step=1, value="a"))
    name = project.cli.outputs()["name"]
    project.up(CONFIG.format(step=1, value="a").replace(', "labels": {"step": "1"}', ""))
    assert "labels" not in project.cluster.get("configmap", name)["metadata"]


@pytest.mark.parametrize(
    ("change", "order"),
    [
        ({"name": "new"}, ["created replacement", "deleted original"]),
        ({"namespace": "'default'", "name": "old-{ns}"}, ["created replacement", "deleted original"]),
        ({"ip": "'None'"}, ["deleted original", "created replacement"]),
        ({"label": "b"}, ["updated"]),
    ],
    ids=["name", "namespace", "immutable", "mutable"],
)
def test_replacement(project: Project, change: dict[str, str], order: list[str]) -> None:
    first = {"namespace": "NS", "name": f"old-{project.namespace}", "ip": "None", "label": "a"}
    project.up(FIXED.format(**first))
    new = {**first, **{key: text.format(ns=project.namespace) for key, text in change.items()}}
    project.program(FIXED.format(**new))
    said = project.cli.ok("up", "--yes").text
    done = re.findall(r"Service service (created replacement|deleted original|updated|created|deleted) ", said)
    assert done == order
    place = "default" if "namespace" in change else project.namespace
    assert project.cluster.exists("service", new["name"], "--namespace", place)
    if new["name"] != first["name"] or "namespace" in change:
        assert not project.cluster.exists("service", first["name"])
    project.cli.ok("destroy", "--yes", "--skip-preview")
    assert not project.cluster.exists("service", new["name"], "--namespace", place)


def test_delete_waits_until_gone(project: Project) -> None:
    project.up("""
    k8s.core.v1.ConfigMap("held", metadata={"namespace": NS, "name": "held", "finalizers": ["example.com/hold"],
        "annotations": {"pulumi.com/deletionPropagationPolicy": "background", "pulumi.com/timeoutSeconds": "2"}})
    """)
    try:
        said = project.fails("destroy", "--yes", "--skip-preview")
        assert "'held' timed out after 2 s waiting to be deleted: held by the finalizers example.com/hold" in said
        assert project.resource("held")["id"] == f"{project.namespace}/held"
    finally:  # else the test's namespace could never end
        release = '-p=[{"op":"remove","path":"/metadata/finalizers"}]'
        project.cluster.ok("patch", "configmap", "held", "--type=json", release)
    project.cluster.until("the object is gone", lambda: not project.cluster.exists("configmap", "held"))
    project.cli.ok("destroy", "--yes", "--skip-preview")


def test_namespace_deletion_waits(project: Project) -> None:
    project.up("""
    ns = k8s.core.v1.Namespace("made", metadata={"labels": {"conformance.code/owner": NS}})
    k8s.core.v1.ConfigMap("inside", metadata={"namespace": ns.metadata.name})
    pulumi.export("made", ns.metadata.name)
    """)
    made = project.cli.outputs()["made"]
    assert project.cluster.exists("namespace", made)
    project.cli.ok("destroy", "--yes", "--skip-preview")
    assert not project.cluster.exists("namespace", made)


def test_import_and_get(project: Project) -> None:
    project.cluster.ok("create", "configmap", "foreign", "--from-literal=a=1")
    project.up("""
    found = k8s.core.v1.ConfigMap.get("found", f"{NS}/foreign")
    pulumi.export("a", found.data["a"])
    """)
    assert project.cli.outputs() == {"a": "1"}
    missing = project.preview_fails('k8s.core.v1.ConfigMap.get("none", f"{NS}/none")')
    assert "does not exist" in missing

    imported = """
    k8s.core.v1.ConfigMap("mine", metadata={"namespace": NS, "name": "foreign"LABELS}, data={"a": "1"},
        opts=pulumi.ResourceOptions(import_=f"{NS}/foreign"))
    """
    uid = project.cluster.get("configmap", "foreign")["metadata"]["uid"]
    project.up(imported.replace("LABELS", ""))
    assert project.changes() == {}
    project.up(imported.replace("LABELS", ', "labels": {"now": "ours"}'))
    live = project.cluster.get("configmap", "foreign")
    assert (live["metadata"]["uid"], live["metadata"]["labels"]) == (uid, {"now": "ours"})
