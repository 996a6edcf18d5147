"""The add-ons' manifests and programs: what can be wrong without a cluster."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.cluster import addons, settings
from sandbox.cluster.addons import deployment
from sandbox.images.oci import Image

DIGEST = f"sha256:{'0' * 64}"


def _image(name: str) -> Image:
    return Image(name=f"registry.example/{name}", tag="v1", digest=DIGEST)


IMAGES = addons.Images(
    coredns=_image("coredns"),
    local_path_provisioner=_image("local-path-provisioner"),
    volume_helper=_image("volume-helper"),
)

BINARIES = addons.Binaries(
    coredns=Path("/bin/coredns"),
    load_balancer=Path("/bin/load-balancer"),
    local_path_provisioner=Path("/bin/local-path-provisioner"),
    network_policies=Path("/bin/network-policies"),
    volume_helper=Path("/bin/volume-helper"),
)


@pytest.fixture(scope="module")
def objects() -> list[dict[str, Any]]:
    """Everything that is applied to the cluster."""
    texts = [deployment.render_permissions(), deployment.render(settings.load(), IMAGES)]
    return [manifest for text in texts for manifest in yaml.safe_load_all(text)]


def _pods(objects: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every pod specification in them, that of the provisioner's helper pods too."""
    for manifest in objects:
        if manifest["kind"] == "Deployment":
            yield manifest["spec"]["template"]["spec"]
        if "helperPod.yaml" in manifest.get("data", {}):
            yield yaml.safe_load(manifest["data"]["helperPod.yaml"])["spec"]


def test_images_are_named_by_digest(objects: list[dict[str, Any]]) -> None:
    named = [container["image"] for pod in _pods(objects) for container in pod["containers"]]
    assert sorted(named) == [
        f"registry.example/{name}:v1@{DIGEST}" for name in ("coredns", "local-path-provisioner", "volume-helper")
    ]


def test_containers_are_confined(objects: list[dict[str, Any]]) -> None:
    for pod in _pods(objects):
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"]["drop"] == ["ALL"]
            assert container["resources"]["limits"]["memory"]


def test_only_the_volume_helper_is_root(objects: list[dict[str, Any]]) -> None:
    as_root = [
        container["name"]
        for pod in _pods(objects)
        for container in pod["containers"]
        if not pod.get("securityContext", {}).get("runAsNonRoot")
    ]
    assert as_root == ["helper-pod"]


def test_nobody_may_do_everything(objects: list[dict[str, Any]]) -> None:
    rules = [rule for manifest in objects for rule in manifest.get("rules", [])]
    assert rules
    for rule in rules:
        assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
        assert "secrets" not in rule["resources"]


def test_every_binding_is_of_a_role_that_is_there(objects: list[dict[str, Any]]) -> None:
    roles = {(m["kind"], m["metadata"]["name"]) for m in objects if m["kind"] in {"Role", "ClusterRole"}}
    bindings = [m["roleRef"] for m in objects if m["kind"].endswith("Binding")]
    assert {(ref["kind"], ref["name"]) for ref in bindings} == roles


def test_every_identity_has_permissions(objects: list[dict[str, Any]]) -> None:
    users = {
        subject["name"]
        for manifest in objects
        if manifest["kind"] == "ClusterRoleBinding"
        for subject in manifest["subjects"]
        if subject["kind"] == "User"
    }
    assert users == set(addons.IDENTITIES.values())


def test_dns_is_where_kubelet_says_it_is(objects: list[dict[str, Any]]) -> None:
    (service,) = (m for m in objects if m["kind"] == "Service")
    assert service["spec"]["clusterIP"] == str(settings.load().network.dns_service)
    assert service["spec"]["selector"] == {"k8s-app": "kube-dns"}


def test_there_is_one_default_storage_class(objects: list[dict[str, Any]]) -> None:
    (storage,) = (m for m in objects if m["kind"] == "StorageClass")
    assert storage["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"
    assert storage["volumeBindingMode"] == "WaitForFirstConsumer"


def test_the_agents_are_told_where_things_are() -> None:
    wanted = settings.load()
    kubeconfigs: Mapping[str, Path] = {name: Path(f"/config/{name}") for name in addons.IDENTITIES}
    policies, balancer = (program.command for program in addons.programs(wanted, BINARIES, kubeconfigs))
    assert policies[0] == BINARIES.network_policies
    assert {
        "-kubeconfig=/config/network-policies",
        f"-queue={settings.POLICY_QUEUE}",
        f"-node={settings.NODE_NAME}",
        f"-pod-cidr={wanted.network.pods}",
    } < set(policies)
    assert balancer == [
        BINARIES.load_balancer,
        "-kubeconfig=/config/load-balancer",
        f"-addresses={wanted.network.node},127.0.0.1",
    ]
