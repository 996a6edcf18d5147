"""A refresh sees what others changed, and nothing else; the next update mends it."""

from tests.conformance.kubernetes.cluster import Project

# Replicas 0: no pod has to run. The server spells the quantities and the command's defaults its own way.
PROGRAM = """
k8s.apps.v1.Deployment("web", metadata={"namespace": NS, "name": "web", "labels": {"mine": "yes"}}, spec={
    "replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "web:1", "env": [{"name": "A", "value": "1"}],
            "resources": {"requests": {"cpu": "1000m", "memory": "1024Mi"}}}]}}})
k8s.core.v1.Secret("secret", metadata={"namespace": NS, "name": "secret"}, string_data={"password": "as it was"})
k8s.core.v1.ConfigMap("config", metadata={"namespace": NS, "name": "config"}, data={"a": "1"})
"""


def test_no_drift_where_nobody_changed_anything(project: Project) -> None:
    project.up(PROGRAM)
    refreshed = project.cli.ok("refresh", "--yes", "--skip-preview", "--expect-no-changes").text
    assert "4 unchanged" in refreshed
    assert project.changes() == {}


def test_changes_by_hand_are_seen_and_mended(project: Project) -> None:
    project.up(PROGRAM)
    project.cluster.ok("label", "deployment", "web", "mine=no", "--overwrite")
    project.cluster.ok("label", "deployment", "web", "foreign=added")
    project.cluster.ok("set", "image", "deployment/web", "web=web:2")
    patch = '{"stringData": {"password": "changed"}}'
    project.cluster.ok("patch", "secret", "secret", "--patch", patch)
    project.cluster.ok("delete", "configmap", "config")

    assert project.changes() == {}, "without a refresh nobody looked"
    project.cli.ok("refresh", "--yes", "--skip-preview")
    seen = project.resource("web")["inputs"]
    assert seen["metadata"]["labels"] == {"mine": "no"}
    (container,) = seen["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "web:2"
    assert container["resources"] == {"requests": {"cpu": "1000m", "memory": "1024Mi"}}, "our spelling stays"
    assert project.changes().keys() == {"web", "secret", "config"}

    project.cli.ok("up", "--yes")
    web = project.cluster.get("deployment", "web")
    assert web["metadata"]["labels"] == {"mine": "yes"}, "and what was added with kubectl is taken away"
    assert web["spec"]["template"]["spec"]["containers"][0]["image"] == "web:1"
    assert project.cluster.get("secret", "secret")["data"] == {"password": "YXMgaXQgd2Fz"}
    assert project.cluster.get("configmap", "config")["data"] == {"a": "1"}
    project.cli.ok("refresh", "--yes", "--skip-preview", "--expect-no-changes")


def test_a_list_changed_by_hand_is_mended(project: Project) -> None:
    service = """
    k8s.core.v1.Service("service", metadata={"namespace": NS, "name": "service"}, spec={"ports": [{"port": 80}]})
    """
    project.up(service)
    # The API server keeps ports by number: another number is another entry, beside which ours would not be valid.
    project.cluster.ok("patch", "service", "service", "--type=merge", '--patch={"spec":{"ports":[{"port":81}]}}')
    project.cli.ok("refresh", "--yes", "--skip-preview")
    assert project.changes() == {"service": "update"}
    project.cli.ok("up", "--yes")
    assert [port["port"] for port in project.cluster.get("service", "service")["spec"]["ports"]] == [80]


def test_an_update_of_what_is_gone_says_so(project: Project) -> None:
    project.up(PROGRAM)
    project.cluster.ok("delete", "deployment", "web")
    project.program(PROGRAM.replace('"mine": "yes"', '"mine": "still"'))
    said = project.fails("up", "--yes", "--skip-preview")
    assert "not found; `pulumi refresh` takes note of it" in said
    assert not project.cluster.exists("deployment", "web")


def test_fields_of_other_managers(project: Project) -> None:
    project.up(PROGRAM)
    scale = """
    {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 3}}
    """
    apply = ("apply", "--server-side", "--force-conflicts", "--field-manager=autoscaler", "--filename=-")
    project.cluster.ok(*apply, stdin=scale)
    changed = PROGRAM.replace('"mine": "yes"', '"mine": "still"')
    project.program(changed)
    said = project.fails("up", "--yes", "--skip-preview")
    assert "server-side apply field conflict detected" in said
    assert 'conflict with "autoscaler": .spec.replicas' in said
    assert project.cluster.get("deployment", "web")["spec"]["replicas"] == 3
    project.up(
        changed.replace('"labels": {"mine"', '"annotations": {"pulumi.com/patchForce": "true"}, "labels": {"mine"')
    )
    assert project.cluster.get("deployment", "web")["spec"]["replicas"] == 0
