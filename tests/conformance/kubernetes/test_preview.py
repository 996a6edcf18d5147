"""How a preview checks: dry run in place, dry run in a scratch namespace, or the schema; and that it says which."""

import json
import socket

from tests.conformance.kubernetes.cluster import OWNER, Project

RESTRICTED = "pod-security.kubernetes.io/enforce"
POD = """
ns = k8s.core.v1.Namespace("made", metadata={"labels": {"conformance.code/owner": NS LABELS}})
k8s.core.v1.Pod("pod", metadata={"namespace": ns.metadata.name}, spec={
    "containers": [{"name": "c", "image": "x:1"}]})
"""
WORKLOAD = """
ns = k8s.core.v1.Namespace("made", metadata={"labels": {"conformance.code/owner": NS LABELS}})
k8s.apps.v1.Deployment("web", metadata={"namespace": ns.metadata.name}, spec={
    "selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}},
        "spec": {"serviceAccountName": "planned-too", "containers": [{"name": "c", "image": "x:1"}]}}})
"""


def test_existing_namespace(project: Project) -> None:
    project.program('k8s.core.v1.ConfigMap("c", metadata={"namespace": NS})')
    said = project.cli.ok("preview").text
    assert "ConfigMap c create checked by server-side dry run\n" in said
    assert "configmap/c" not in project.cluster.ok("get", "configmaps", "--output", "name")


def test_planned_namespace(project: Project) -> None:
    project.program(POD.replace("LABELS", ""))
    said = project.cli.ok("preview").text
    assert "Pod pod create checked by server-side dry run in a scratch namespace with the labels of made-" in said
    project.cluster.until("no scratch namespace is left", lambda: not scratch_namespaces(project))


def test_planned_namespace_judges_by_its_labels(project: Project) -> None:
    labels = f', "{RESTRICTED}": "restricted"'
    said = project.preview_fails(POD.replace("LABELS", labels))
    assert 'violates PodSecurity "restricted:latest"' in said
    assert "securityContext.runAsNonRoot=true" in said
    assert "Pod (pod)" in said
    said = project.preview_fails(WORKLOAD.replace("LABELS", labels))
    assert 'violates PodSecurity "restricted:latest"' in said
    assert "Deployment (web)" in said
    project.program(WORKLOAD.replace("LABELS", ""))
    assert project.changes() == {"made": "create", "web": "create"}


def test_existing_namespace_judges_pods_of_a_workload(project: Project) -> None:
    project.cluster.ok("label", "namespace", project.namespace, f"{RESTRICTED}=baseline")
    source = WORKLOAD.split("\n", 2)[2].replace("ns.metadata.name", "NS")
    project.program(source)
    assert project.changes() == {"web": "create"}
    said = project.preview_fails(source.replace('"containers"', '"hostNetwork": True, "containers"'))
    assert 'violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)' in said


def test_namespace_that_nobody_plans(project: Project) -> None:
    project.program('k8s.core.v1.ConfigMap("c", metadata={"namespace": "no-such-" + NS}, data={"a": "1"})')
    said = project.cli.ok("preview").text
    assert "checked against the API server's OpenAPI schema only, as the namespace does not exist yet" in said
    wrong = project.preview_fails('k8s.core.v1.Service("s", metadata={"namespace": "no-such"}, spec={"ports": [{}]})')
    assert "spec.ports[0].port: missing required property" in wrong


def test_unknown_values(project: Project) -> None:
    source = """
    first = k8s.core.v1.ConfigMap("first", metadata={"namespace": NS}, data={"a": "1"})
    k8s.core.v1.Service("second", metadata={"namespace": NS, "labels": {"uid": first.metadata.uid}},
        spec={"ports": [{"port": PORT}]})
    """
    project.program(source.replace("PORT", "80"))
    said = project.cli.ok("preview").text
    assert "checked against the API server's OpenAPI schema only, as some values are not known yet" in said
    wrong = project.preview_fails(source.replace("PORT", "'eighty'"))
    assert "spec.ports[0].port: expected integer, got string" in wrong
    project.up(source.replace("PORT", "80"))
    (service,) = project.cluster.get("services")["items"]
    (config,) = project.cluster.get("configmaps", "--field-selector=metadata.name!=kube-root-ca.crt")["items"]
    assert service["metadata"]["labels"]["uid"] == config["metadata"]["uid"]


def test_values_that_the_server_will_choose_are_unknown(project: Project) -> None:
    project.program("""
    service = k8s.core.v1.Service("s", metadata={"namespace": NS}, spec={"ports": [{"port": 80}]})
    pulumi.export("ip", service.spec.cluster_ip)
    pulumi.export("type", service.spec.type)
    """)
    said = project.cli.ok("preview").text
    assert "ip : [unknown]" in " ".join(said.split())
    assert 'type: "ClusterIP"' in said, "a default that a dry run shows"


def test_who_may_not_make_namespaces(project: Project) -> None:
    """The scratch namespace is out of reach; then the schema decides."""
    limited(project)
    project.program(POD.replace("LABELS", ""))
    said = project.cli.ok("preview").text
    assert "OpenAPI schema only, as no scratch namespace can be made for made-" in said
    assert "cannot create resource" in said


def test_what_a_killed_preview_left_is_removed(project: Project) -> None:
    left = f"pulumi-dry-run-{project.namespace[-8:]}"
    project.cluster.ok("create", "namespace", left)
    # A process that cannot be: its number is beyond the kernel's.
    owner = f"{socket.gethostname()}/99999999/1"
    project.cluster.ok("annotate", "namespace", left, f"pulumi.com/dry-run-owner={owner}")
    project.cluster.ok("label", "namespace", left, "pulumi.com/dry-run=true")
    project.program('k8s.core.v1.ConfigMap("c", metadata={"namespace": NS})')
    project.cli.ok("preview")
    project.cluster.until("the leftover is gone", lambda: not project.cluster.exists("namespace", left))


def scratch_namespaces(project: Project) -> list[str]:
    """The scratch namespaces of the test's own previews."""
    return project.cluster.names("namespaces", "--selector", f"pulumi.com/dry-run=true,{OWNER}={project.namespace}")


def limited(project: Project) -> None:
    """Let the project be someone who may look at everything and make nothing but dry runs in the test's namespace."""
    name = project.namespace
    project.cluster.ok("create", "serviceaccount", "limited")
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name, "labels": {OWNER: name}},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "ServiceAccount", "name": "limited", "namespace": name}],
    }
    project.cluster.ok("create", "--filename=-", stdin=json.dumps(binding))
    may = ("auth", "can-i", "list", "namespaces", f"--as=system:serviceaccount:{name}:limited")
    project.cluster.until("the binding counts", lambda: project.cluster.run(*may).code == 0)
    token = project.cluster.ok("create", "token", "limited").strip()
    config = json.loads(project.cluster.ok("config", "view", "--raw", "--minify", "--flatten", "--output", "json"))
    config["users"] = [{"name": "limited", "user": {"token": token}}]
    config["contexts"][0]["context"]["user"] = "limited"
    project.cli.environment["KUBECONFIG"] = str(project.cli.write("limited.kubeconfig", json.dumps(config)))


def test_warnings_of_the_server(project: Project) -> None:
    project.program('k8s.core.v1.Endpoints("e", metadata={"namespace": NS})')
    words = "v1 Endpoints is deprecated in v1.33+"
    assert f"warning: {words}" in project.cli.ok("preview").text
    project.cli.ok("config", "set", "kubernetes:suppressDeprecationWarnings", "true")
    assert words not in project.cli.ok("preview").text
