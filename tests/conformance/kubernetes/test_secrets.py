"""What is secret shows nowhere in plain text: not in the state, not in previews, logs or errors."""

import base64
import secrets
from pathlib import Path

from tests.conformance.kubernetes.cluster import Project

PROGRAM = """
canary, marked = os.environ["CANARY"], pulumi.Output.secret(os.environ["MARKED"])
secret = k8s.core.v1.Secret("secret", metadata={"namespace": NS, "name": "secret", "labels": {"step": "STEP"}},
    string_data={"password": canary, "multi": canary + "\\n" + canary})
k8s.core.v1.ConfigMap("config", metadata={"namespace": NS, "name": "config"}, data={"url": marked, "step": "STEP"})
k8s.apps.v1.Deployment("web", metadata={"namespace": NS, "name": "web"}, spec={
    "replicas": 0, "selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "web:STEP", "env": [{"name": "URL", "value": marked}]}]}}})
pulumi.export("data", secret.data)
pulumi.export("url", marked)
"""


def test_secrets_show_nowhere(project: Project) -> None:
    canary, marked = secrets.token_hex(12), secrets.token_hex(12)
    project.cli.environment |= {"CANARY": canary, "MARKED": marked}
    written = ""
    for step in ("1", "2"):
        project.program(PROGRAM.replace("STEP", step))
        written += project.cli.ok("preview", "--diff").text
        written += project.cli.ok("up", "--yes", "--skip-preview", "--diff").text
        written += project.cli.ok("up", "--yes", "--refresh").text
    written += project.cli.ok("refresh", "--yes", "--diff").text + str(project.cli.resources())
    live = project.cluster.get("secret", "secret")["data"]
    assert base64.b64decode(live["password"]).decode() == canary
    assert project.cluster.get("configmap", "config")["data"]["url"] == marked
    assert project.cli.outputs()["data"] == "[secret]"
    assert project.cli.outputs(show_secrets=True)["data"]["password"] == live["password"]

    for value in (canary, marked, live["password"], live["multi"]):
        assert value not in written
        assert not files_with(project.cli.folder.parent / "state", value)


def test_secrets_do_not_show_in_errors(project: Project) -> None:
    canary = secrets.token_hex(12) + " is no label"
    project.cli.environment["CANARY"] = canary
    wrong = """
    value = pulumi.Output.secret(os.environ["CANARY"])
    k8s.core.v1.ConfigMap("config", metadata={"namespace": NS, "labels": {"a": value}})
    """
    said = project.preview_fails(wrong) + project.fails("up", "--yes", "--skip-preview")
    assert "metadata.labels: Invalid value" in said
    assert said.count("[secret]") >= 2
    assert canary not in said


def files_with(folder: Path, text: str) -> list[Path]:
    """The files below a folder that hold a text."""
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]
