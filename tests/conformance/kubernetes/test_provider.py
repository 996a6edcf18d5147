"""The provider's own arguments."""

import json

from tests.conformance.kubernetes.cluster import Project

CONFIG = 'k8s.core.v1.ConfigMap("c", metadata={"name": "c"}, opts=pulumi.ResourceOptions(provider=p))'


def test_contents_context_and_namespace(project: Project) -> None:
    config = json.loads(project.cluster.ok("config", "view", "--raw", "--minify", "--flatten", "--output", "json"))
    (context,) = config["contexts"]
    config["contexts"] = [{"name": "other", "context": {**context["context"], "namespace": project.namespace}}]
    config["current-context"] = "none"
    project.cli.environment |= {"KUBECONFIG": "/nowhere", "CONTENTS": json.dumps(config)}
    project.up('p = k8s.Provider("p", kubeconfig=os.environ["CONTENTS"], context="other")\n' + CONFIG)
    assert project.cluster.exists("configmap", "c"), "in the context's namespace"
    assert project.resource("c")["inputs"]["metadata"]["namespace"] == project.namespace

    elsewhere = 'p = k8s.Provider("p", kubeconfig=os.environ["CONTENTS"], context="other", namespace="default")\n'
    project.program(elsewhere + CONFIG.replace('{"name": "c"}', '{"name": "c", "namespace": NS}'))
    assert project.changes() == {"p": "update"}, "the namespace of an object counts for more than the provider's"


def test_default_namespace_of_the_stack(project: Project) -> None:
    project.cli.ok("config", "set", "kubernetes:namespace", project.namespace)
    project.up('k8s.core.v1.ConfigMap("c", metadata={"name": "c"})')
    assert project.cluster.exists("configmap", "c")


def test_another_context_of_the_same_cluster_replaces_nothing(project: Project) -> None:
    config = json.loads(project.cluster.ok("config", "view", "--raw", "--minify", "--flatten", "--output", "json"))
    (context,) = config["contexts"]
    config["contexts"].append({"name": "again", "context": context["context"]})
    project.cli.environment["CONTENTS"] = json.dumps(config)
    source = f'p = k8s.Provider("p", kubeconfig=os.environ["CONTENTS"], namespace=NS, context="CONTEXT")\n{CONFIG}'
    project.up(source.replace("CONTEXT", context["name"]))
    project.program(source.replace("CONTEXT", "again"))
    (step,) = [step for step in project.cli.json("preview")["steps"] if step["op"] != "same"]
    assert (step["urn"].rsplit("::", 1)[-1], step["op"]) == ("p", "update")
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    project.cli.environment["CONTENTS"] = json.dumps(config)
    replaced = {step["urn"].rsplit("::", 1)[-1]: step["op"] for step in project.cli.json("preview")["steps"]}
    assert replaced["p"] == "replace"
    assert replaced["c"] == "replace"


def test_wrong_arguments(project: Project) -> None:
    options = 'pulumi.ProviderResource("kubernetes", "p", {"nameSpace": "x", "renderYamlToDirectory": "d"})'
    said = project.preview_fails(options)
    assert "nameSpace" in said
    assert "unknown provider argument; known: cluster," in said
    assert "PLUGINS=official" in said
    said = project.preview_fails('k8s.Provider("p", enable_server_side_apply=False)')
    assert "the stand-in applies on the server side only; use PLUGINS=official" in said


def test_unreachable_cluster(project: Project) -> None:
    project.up('k8s.core.v1.ConfigMap("c", metadata={"namespace": NS, "name": "c"})')
    good = project.cli.environment["KUBECONFIG"]
    config = json.loads(project.cluster.ok("config", "view", "--raw", "--minify", "--flatten", "--output", "json"))
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    project.cli.environment["KUBECONFIG"] = str(project.cli.write("away", json.dumps(config)))
    preview = project.cli.ok("preview").text
    assert "configured Kubernetes cluster is unreachable: https://127.0.0.1:1 does not answer" in preview
    assert "PULUMI_K8S_DELETE_UNREACHABLE" in project.fails("destroy", "--yes", "--skip-preview")
    assert project.resource("c")
    project.cli.environment["PULUMI_K8S_DELETE_UNREACHABLE"] = "true"
    project.cli.ok("destroy", "--yes", "--skip-preview")
    assert not any(item["urn"].endswith("::c") for item in project.cli.resources())
    project.cli.environment["KUBECONFIG"] = good
    assert project.cluster.exists("configmap", "c"), "forgotten, not deleted"
