"""The pack `security` through the engine: what it refuses is refused by name, and a clean program passes.

No cluster: a preview of the kubernetes stand-in does without one, with a warning.
"""

import shutil
from pathlib import Path

import pytest

from sandbox import paths
from tests.conformance.cli import Cli

PACK = paths.CHECKOUT / "policies" / "security"

PROGRAM = """
import pulumi
import pulumi_kubernetes as k8s

DIGEST = "registry.example/app@sha256:" + "a" * 64

def built():
    import pulumi_docker as docker
    by = pulumi.ResourceOptions(provider=docker.Provider("docker", disable_docker_daemon_check=True))
    return docker.Image("built", image_name="registry.example/built:1", build={"context": "."}, opts=by).repo_digest

def generated():
    import pulumi_random as random
    return random.RandomPassword("generated", length=20).result

container = {
    "name": "app",
    "image": DIGEST,
    "resources": {
        "requests": {"cpu": "50m", "memory": "64Mi"},
        "limits": {"cpu": "1", "memory": "128Mi"},
    },
    "liveness_probe": {"http_get": {"path": "/", "port": 8080}},
    "readiness_probe": {"http_get": {"path": "/", "port": 8080}},
    "security_context": {"allow_privilege_escalation": False, "capabilities": {"drop": ["ALL"]}},
}
labels = {"pod-security.kubernetes.io/enforce": "restricted"}
types = ["Ingress", "Egress"]
rule = {"api_groups": [""], "resources": ["pods"], "verbs": ["get"]}
# CHANGE

space = k8s.core.v1.Namespace("space", metadata={"name": "space", "labels": labels})
closed = k8s.networking.v1.NetworkPolicy(
    "closed",
    metadata={"namespace": space.metadata.name},
    spec={"pod_selector": {}, "policy_types": types},
)
k8s.apps.v1.Deployment(
    "app",
    metadata={"namespace": "space"},
    spec={
        "selector": {"match_labels": {"app": "app"}},
        "template": {
            "metadata": {"labels": {"app": "app"}},
            "spec": {"containers": [container], "security_context": {"run_as_non_root": True}},
        },
    },
)
k8s.rbac.v1.Role("reader", metadata={"namespace": "space"}, rules=[rule])
"""

EXCEPTION = """
exceptions:
  - policy: k8s-pod-isolation
    resource: app
    paths: [spec.template.spec.containers]
    owner: platform
    reason: the sample must run so
    expires: {expires}
"""
PRIVILEGED = 'container["security_context"]["privileged"] = True'


@pytest.fixture
def project(cli: Cli) -> Cli:
    """A project with an image that could be built."""
    cli.write("Dockerfile", "FROM scratch\n")
    return cli


def judged(cli: Cli, change: str, pack: Path = PACK) -> tuple[int, str]:
    """The exit code of a preview of the changed program, and all that it wrote, on one line."""
    cli.program(PROGRAM.replace("# CHANGE", change))
    result = cli.run("preview", "--policy-pack", str(pack))
    return result.code, " ".join(result.text.split())


def with_exceptions(folder: Path, text: str) -> Path:
    """A copy of the packs in which `security` has other exceptions."""
    shutil.copytree(paths.CHECKOUT / "policies", folder / "policies", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".venv").symlink_to(paths.CHECKOUT / ".venv")
    pack = folder / "policies" / "security"
    (pack / "exceptions.yaml").write_text(text)
    return pack


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("", id="as it is"),
        pytest.param('container["image"] = built()', id="an unknown image of this stack"),
    ],
)
def test_a_clean_program_passes(project: Cli, change: str) -> None:
    code, text = judged(project, change)
    assert code == 0, text
    assert "security@v" in text, "the pack did not run"
    assert "mandatory" not in text


@pytest.mark.parametrize(
    ("policy", "change", "said"),
    [
        ("k8s-container-image-digest", 'container["image"] = "nginx:1"', "containers[0].image is 'nginx:1'"),
        (
            "k8s-container-image-digest",
            'container["image"] = generated().apply(lambda text: DIGEST)',
            "containers[0].image is unknown in this preview, and comes from no image",
        ),
        ("k8s-pod-isolation", PRIVILEGED, "securityContext.privileged is True"),
        (
            "k8s-pod-isolation",
            'container["security_context"]["privileged"] = generated().apply(lambda text: False)',
            "securityContext.privileged is unknown in this preview",
        ),
        ("k8s-limits-and-probes", 'container["resources"]["limits"]["memory"] = "0"', "limits.memory is '0'"),
        ("k8s-limits-and-probes", 'container["liveness_probe"] = {}', "livenessProbe asks nothing"),
        (
            "k8s-no-secret-in-env",
            'container["env"] = [{"name": "DB_PASSWORD", "value": "hunter2"}]',
            "env[0].value has the name of a credential",
        ),
        (
            "k8s-no-secret-in-env",
            'container["env"] = [{"name": "SERVER", "value": generated()}]',
            "env[0].value is unknown in this preview, computed from random:index/randomPassword:RandomPassword",
        ),
        ("k8s-namespace-default-deny", 'types = ["Ingress"]', "has no NetworkPolicy that denies all"),
        ("k8s-namespace-default-deny", "labels = {}", "pod-security.kubernetes.io/enforce is absent"),
        ("k8s-rbac-no-wildcard", 'rule["verbs"] = ["*"]', "rules[0].verbs[0] is '*'"),
    ],
)
def test_what_is_refused_is_refused_by_name(project: Cli, policy: str, change: str, said: str) -> None:
    code, text = judged(project, change)
    assert code != 0, text
    assert "[mandatory]" in text
    assert policy in text
    assert said in text


def test_an_exception_lets_it_pass_and_is_shown(project: Cli, tmp_path: Path) -> None:
    pack = with_exceptions(tmp_path, EXCEPTION.format(expires="2999-12-31"))
    code, text = judged(project, PRIVILEGED, pack)
    assert code == 0, text
    assert "exception-used" in text
    assert "the exception of platform to k8s-pod-isolation for app (the sample must run so) holds until" in text


def test_an_expired_exception_fails(project: Cli, tmp_path: Path) -> None:
    pack = with_exceptions(tmp_path, EXCEPTION.format(expires="2020-12-31"))
    code, text = judged(project, "", pack)
    assert code != 0, text
    assert "exception-expired" in text
    assert "for app (the sample must run so) expired on 2020-12-31" in text


def test_a_malformed_exception_is_refused_at_once(project: Cli, tmp_path: Path) -> None:
    pack = with_exceptions(tmp_path, "exceptions: [{policy: k8s-pod-isolation}]")
    code, text = judged(project, "", pack)
    assert code != 0, text
    assert "exceptions.yaml: exceptions.0.owner: Field required" in text
