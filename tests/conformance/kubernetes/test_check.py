"""What is wrong is said before anything is made, naming the resource and the field."""

import pytest

from tests.conformance.kubernetes.cluster import Project

DEPLOYMENT = """
k8s.apps.v1.Deployment("web", metadata={{"namespace": NS}}, spec={{
    "replicas": {replicas}, "selector": {{"matchLabels": {{"app": "{selects}"}}}}, "template": {{
        "metadata": {{"labels": {{"app": "web"}}}},
        "spec": {{"containers": [{{"name": "web", {image}, "ports": [{{"containerPort": {port}}}]}}]}}}}}})
"""
FITTING = {"replicas": "1", "selects": "web", "image": '"image": "web:1"', "port": "80"}


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        ({"image": '"imagee": "web:1"'}, "spec.template.spec.containers[0].imagee", "did you mean 'image'?"),
        ({"image": '"command": ["x"]'}, "spec.template.spec.containers[0].image", "Required value"),
        ({"replicas": '"three"'}, ".spec.replicas", "expected numeric (int or float)"),
        ({"selects": "other"}, "spec.template.metadata.labels", "`selector` does not match template `labels`"),
        ({"port": "70000"}, "spec.template.spec.containers[0].ports[0].containerPort", "must be between 1 and 65535"),
    ],
    ids=["unknown", "missing", "type", "contradiction", "range"],
)
def test_wrong_manifest_fails_in_preview(project: Project, wrong: dict[str, str], field: str, words: str) -> None:
    said = project.preview_fails(DEPLOYMENT.format(**{**FITTING, **wrong}))
    assert field in said
    assert words in said
    assert "Deployment (web)" in said


def test_right_manifest_passes(project: Project) -> None:
    project.program(DEPLOYMENT.format(**FITTING))
    assert project.changes() == {"web": "create"}
    assert project.cluster.names("deployments") == []


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            'k8s.apiextensions.CustomResource("x", api_version="policy/v1beta1", kind="PodDisruptionBudget")',
            "does not serve policy/v1beta1 PodDisruptionBudget; it serves policy/v1 PodDisruptionBudget",
        ),
        ('k8s.helm.v4.Chart("x", chart="c")', "PLUGINS=official"),
        ('k8s.yaml.ConfigGroup("x", yaml=["kind: x"])', "PLUGINS=official"),
    ],
)
def test_what_is_not_supported_says_so(project: Project, source: str, words: str) -> None:
    assert words in project.preview_fails(source)


def test_custom_resource_is_checked_by_its_definition(project: Project) -> None:
    definition = f"""
    group = NS + ".example.com"
    crd = k8s.apiextensions.v1.CustomResourceDefinition("crd",
        metadata={{"name": "widgets." + group, "labels": {{"conformance.code/owner": NS}}}}, spec={{
        "group": group, "scope": "Namespaced", "names": {{"kind": "Widget", "plural": "widgets"}},
        "versions": [{{"name": "v1", "served": True, "storage": True, "schema": {{"openAPIV3Schema": {{
            "type": "object", "properties": {{"spec": {{"type": "object", "properties": {{
                "size": {{"type": "integer"}}, "any": {{"x_kubernetes_preserve_unknown_fields": True}}}}}}}}}}}}}}]}})
    k8s.apiextensions.CustomResource("widget", api_version=group + "/v1", kind="Widget",
        metadata={{"namespace": NS}}, spec={{{"{spec}"}}}, opts=pulumi.ResourceOptions(depends_on=[crd]))
    """
    # Before the definition is there, its own schema decides; afterwards the API server's.
    planned = project.preview_fails(definition.replace("{spec}", '"size": "big"'))
    assert "spec.size: expected integer, got string" in planned
    assert "does not fit the API server's schema" in planned
    project.up(definition.replace("{spec}", '"size": 1, "any": {"thing": 1}'))
    (widget,) = project.cluster.get(f"widgets.{project.namespace}.example.com")["items"]
    assert widget["spec"] == {"size": 1, "any": {"thing": 1}}
    said = project.preview_fails(definition.replace("{spec}", '"sise": 1'))
    assert "spec.sise" in said
    assert "did you mean 'size'?" in said
